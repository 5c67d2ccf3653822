package till

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"tilld/internal/sale"
	"tilld/printer"
)

// linkLike is what a phone takes for an address: a scheme, or a bare host name
// with a path.
var linkLike = regexp.MustCompile(`(?i)^\s*([a-z][a-z0-9+.-]*://|(javascript|data|tel|sms|mailto):|[a-z0-9-]+(\.[a-z0-9-]+)+([/?#:]|$))`)

// allowedHost reports whether receipts and screens may carry a code with this
// content: anything when no hosts are listed, else web addresses of the listed
// hosts ("*.example.cn" is every host below example.cn) and text that is no
// address.
func (t *Till) allowedHost(content string) bool {
	hosts := t.o.Receipt.QRHosts
	if len(hosts) == 0 || !linkLike.MatchString(content) {
		return true
	}
	u, err := url.Parse(strings.TrimSpace(content))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Opaque != "" {
		return false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	return slices.ContainsFunc(hosts, func(allowed string) bool {
		allowed = strings.ToLower(allowed)
		if below, ok := strings.CutPrefix(allowed, "*."); ok {
			return strings.HasSuffix(host, "."+below)
		}
		return host == allowed
	})
}

func foreignHost(field string) error {
	return problem(sale.CodeInvalid, field, "二维码地址不在 receipt.qr_hosts 允许的域名内", "the code's address is of a host that receipt.qr_hosts does not list")
}

// checkDoc refuses a document from outside with a code that is not allowed: one of a host
// that is not listed, or one that opens something on the phone itself.
func (t *Till) checkDoc(doc printer.Doc) error {
	for _, b := range doc {
		q, ok := b.(printer.QR)
		switch {
		case ok && local.MatchString(q.Payload):
			return problem(sale.CodeInvalid, "markup", "二维码不能使用 javascript:、data: 之类的地址", "a code must not have a scheme like javascript: or data:")
		case ok && !t.allowedHost(q.Payload):
			return foreignHost("markup")
		}
	}
	return nil
}
