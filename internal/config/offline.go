package config

import (
	"math"
	"strings"

	"tilld/internal/lang"
)

const (
	// shortPrefix is the longest address with which the pay code has 45 modules a
	// side at level M; a longer one needs 49 (docs/offline-pay.md).
	shortPrefix = 27
	// maxPrefix keeps the pay code below 60 modules.
	maxPrefix = 100
	// prefixChars are those of QR's alphanumeric mode that an address may have.
	prefixChars = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ$%*+-./:"
)

// checkOffline looks at payment.offline. What is wrong with it while it is off
// is no problem.
func (r *reader) checkOffline(c *Config, known Known) {
	o := c.Payment.Offline
	if !o.Enabled {
		return
	}
	if c.Till.Number == 0 {
		r.problem("till.number", [2]string{"离线收款需要收银台号", "is needed for payment.offline"}, [2]string{"写上注册时得到的号码", "write the number that the till was given at enrolment"})
	}
	r.checkPrefix(o.URLPrefix)
	if o.MaxAmount <= 0 || o.MaxAmount > math.MaxUint32 {
		r.problem("payment.offline.max_amount", [2]string{"超出范围", "is out of range"}, [2]string{`每笔离线收款的上限，例如 "500.00"`, `write the most that is paid at once without a link, for example "500.00"`})
	}
	if o.MaxCount < 1 {
		r.problem("payment.offline.max_count", [2]string{"超出范围", "is out of range"}, [2]string{"至少 1，通常 50", "write 1 or more, usually 50"})
	}
	if o.KeyGeneration < 0 || o.KeyGeneration > 255 {
		r.problem("payment.offline.key_generation", [2]string{"超出范围", "is out of range"}, [2]string{"0 到 255", "write 0 to 255"})
	}
	r.checkPayCodes(o)
	if known.Offline != nil {
		if key, err := known.Offline(*c); err != nil {
			r.problem(key, [2]string{"离线收款不可用：%v", "does not do for payment.offline: %v"}, [2]string{"参见 docs/offline-pay.md", "see docs/offline-pay.md"}, err)
		}
	}
}

// checkPayCodes looks at the short code instead of a proof.
func (r *reader) checkPayCodes(o Offline) {
	switch {
	case o.CodeKeyFile == "":
		if o.CodeMaxAmount != 0 {
			r.problem("payment.offline.code_max_amount", [2]string{"没有 code_key_file，此项无效", "has no effect without code_key_file"}, [2]string{"写上 payment.offline.code_key_file，或删除此项", "set payment.offline.code_key_file, or leave this out"})
		}
		return
	case o.CodeMaxAmount <= 0 || o.CodeMaxAmount > o.MaxAmount:
		r.problem("payment.offline.code_max_amount", [2]string{"超出范围", "is out of range"}, [2]string{`凭数字付款码收款的单笔上限，不超过 max_amount，例如 "200.00"`, `write the most that a typed code is taken for, at most max_amount, for example "200.00"`})
	}
	if o.CodeMaxCount < 1 || o.CodeMaxCount > o.MaxCount {
		r.problem("payment.offline.code_max_count", [2]string{"超出范围", "is out of range"}, [2]string{"1 到 max_count，通常 10", "write 1 to max_count, usually 10"})
	}
}

func (r *reader) checkPrefix(prefix string) {
	const key = "payment.offline.url_prefix"
	host, _, path := strings.Cut(strings.TrimPrefix(prefix, "HTTPS://"), "/")
	switch {
	case prefix == "":
		r.problem(key, [2]string{"缺少付款页地址", "is missing"}, [2]string{"例如 HTTPS://P.EXAMPLE.CN/P/", "write where the pay page is, for example HTTPS://P.EXAMPLE.CN/P/"})
	case !strings.HasPrefix(prefix, "HTTPS://") || host == "" || !path || len(prefix) > maxPrefix:
		r.problem(key, [2]string{"%q 不是付款页地址", "%q is no address of a pay page"}, [2]string{"大写，例如 HTTPS://P.EXAMPLE.CN/P/，最多 100 个字符", "write it in upper case, for example HTTPS://P.EXAMPLE.CN/P/, at most 100 characters"}, prefix)
	case strings.Trim(prefix, prefixChars) != "":
		r.problem(key, [2]string{"%q 含有二维码字母数字模式以外的字符", "%q has characters that make the code grow"}, [2]string{"只用 A-Z、0-9 和 $ % * + - . / :", "use A-Z, 0-9 and $ % * + - . / : only"}, prefix)
	case len(prefix) > shortPrefix:
		r.warn(key, [2]string{"超过 27 个字符，付款码会更密", "has more than 27 characters, which makes the pay code denser"}, [2]string{"尽量用更短的域名", "use a shorter address if you can"})
	}
}

// warn notes something that is worth a word.
func (r *reader) warn(key string, what, instead [2]string) {
	p := r.at(key)
	p.What, p.Instead = lang.Text{ZH: what[0], EN: what[1]}, lang.Text{ZH: instead[0], EN: instead[1]}
	r.warnings = append(r.warnings, p)
}
