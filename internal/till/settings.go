package till

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"tilld/internal/sale"
	"tilld/queue"
)

// settings are what head office may change while the till runs: the
// configuration with receipt.set and config.patch laid over it.
type settings struct {
	QR             []Link
	Cashiers       map[string]receiptSet // what head office set for one cashier, by cashier
	Header, Footer string
	Copies         int
	QRTTL          time.Duration
	RequestTimeout time.Duration
	Screen         ScreenLook
}

var (
	receiptKey  = []byte("receipt")
	cashiersKey = []byte("receipt-cashiers")
	patchKey    = []byte("config-patch")
)

// receiptSet is the data of receipt.set, and how it is stored.
type receiptSet struct {
	QR     []Link `json:"qr"`
	Footer string `json:"footer"`
	// Cashier is whom it is for: the codes are added to the till's while that
	// cashier sells, the footer takes the place of the till's. "" is the till.
	Cashier string `json:"cashier,omitempty"`
}

// maxCashiers bounds the cashiers that have codes of their own at a till.
const maxCashiers = 200

func (t *Till) loadSettings(tx *queue.Tx) error {
	var patch map[string]json.RawMessage
	var over *receiptSet
	cashiers := map[string]receiptSet{}
	if err := errors.Join(getJSON(tx, queue.State, patchKey, &patch), getJSON(tx, queue.State, receiptKey, &over), getJSON(tx, queue.State, cashiersKey, &cashiers)); err != nil {
		return err
	}
	set, err := t.settingsWith(patch)
	if err != nil {
		return fmt.Errorf("till: stored config.patch: %w", err)
	}
	if over != nil {
		set.QR, set.Footer = over.QR, over.Footer
	}
	set.Cashiers = cashiers
	t.set = set
	t.dress()
	return nil
}

// settingsWith is the configuration with a patch laid over it.
func (t *Till) settingsWith(patch map[string]json.RawMessage) (settings, error) {
	r := t.o.Receipt
	set := settings{
		QR: r.QR, Header: r.Header, Footer: r.Footer, Copies: min(max(r.Copies, 1), 3),
		QRTTL: t.o.QRTTL, RequestTimeout: t.o.RequestTimeout,
	}
	for key, value := range patch {
		if err := set.put(key, value); err != nil {
			return settings{}, err
		}
	}
	return set, nil
}

// Patchable are the configuration keys that config.patch may change.
func Patchable() []string {
	return append([]string{"log.level", "payment.qr_ttl", "payment.request_timeout", "receipt.copies", "receipt.footer", "receipt.header", "receipt.qr"}, lookKeys...)
}

// put sets one key; log.level is checked here and applied by the caller.
func (s *settings) put(key string, value json.RawMessage) error {
	var err error
	switch key {
	case "receipt.qr":
		s.QR = nil
		if err = decode(value, &s.QR); err == nil {
			err = checkLinks(s.QR)
		}
	case "receipt.footer":
		err = text(value, &s.Footer)
	case "receipt.header":
		err = text(value, &s.Header)
	case "receipt.copies":
		if err = decode(value, &s.Copies); err == nil && (s.Copies < 1 || s.Copies > 3) {
			err = errors.New("1 to 3")
		}
	case "payment.qr_ttl":
		err = duration(value, &s.QRTTL, 30*time.Second, time.Hour)
	case "payment.request_timeout":
		err = duration(value, &s.RequestTimeout, time.Second, time.Minute)
	case "log.level":
		var level string
		if err = decode(value, &level); err == nil && !slices.Contains([]string{"debug", "info", "warn", "error"}, level) {
			err = errors.New("debug, info, warn or error")
		}
	case "screen.brand.color", "screen.brand.name", "screen.text", "screen.theme":
		err = s.Screen.put(key, value)
	default:
		err = errors.New("this key cannot be changed from outside")
	}
	if err != nil {
		return problem(sale.CodeInvalid, key, "配置项 "+key+" 无效："+err.Error(), key+": "+err.Error())
	}
	return nil
}

func text(value json.RawMessage, dst *string) error {
	if err := decode(value, dst); err != nil {
		return err
	}
	if len(*dst) > 512 {
		return errors.New("at most 512 bytes")
	}
	return nil
}

func duration(value json.RawMessage, dst *time.Duration, least, most time.Duration) error {
	var s string
	if err := decode(value, &s); err != nil {
		return err
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return err
	}
	if d < least || d > most {
		return fmt.Errorf("%v to %v", least, most)
	}
	*dst = d
	return nil
}

// checkLinks bounds the codes at the foot of receipts.
func checkLinks(list []Link) error {
	if len(list) > 6 {
		return errors.New("at most 6 codes")
	}
	for _, l := range list {
		if len(l.Title) > 128 || l.URL == "" || len(l.URL) > maxSmallLink {
			return errors.New("a code needs a url of at most 400 and a title of at most 128 bytes")
		}
		if err := checkLink(l.URL); err != nil {
			return err
		}
	}
	return nil
}

// qrTTL and requestTimeout are settings in force.
func (t *Till) qrTTL() time.Duration          { return t.set.QRTTL }
func (t *Till) requestTimeout() time.Duration { return t.set.RequestTimeout }

// ReceiptSet is receipt.set: what head office wants at the foot of receipts and
// on the idle screen from now on.
func (t *Till) ReceiptSet(ctx context.Context, data json.RawMessage) (any, error) {
	var r receiptSet
	if err := decode(data, &r); err != nil {
		return nil, err
	}
	if err := checkLinks(r.QR); err != nil {
		return nil, problem(sale.CodeInvalid, "qr", "二维码无效："+err.Error(), err.Error())
	}
	for _, l := range r.QR {
		if !t.allowedHost(l.URL) {
			return nil, foreignHost("qr")
		}
	}
	if len(r.Footer) > 512 {
		return nil, problem(sale.CodeInvalid, "footer", "页脚最多 512 字节", "footer has at most 512 bytes")
	}
	if r.QR == nil {
		r.QR = []Link{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.Cashier != "" {
		return t.receiptSetCashier(ctx, r)
	}
	x := t.begin()
	x.put(queue.State, string(receiptKey), r)
	x.report("tilld.config.applied.v1", "receipt", configData{Keys: []string{"receipt.footer", "receipt.qr"}, By: "receipt.set", At: x.at})
	x.after = append(x.after, func() { t.set.QR, t.set.Footer = r.QR, r.Footer })
	return map[string]int{"qr": len(r.QR)}, x.commit(ctx)
}

// receiptSetCashier sets or, with neither codes nor footer, removes what one
// cashier's receipts have beside the till's. mu is held.
func (t *Till) receiptSetCashier(ctx context.Context, r receiptSet) (any, error) {
	if cut(r.Cashier, 64) != r.Cashier {
		return nil, problem(sale.CodeInvalid, "cashier", "工号最多 64 字节", "cashier has at most 64 printable bytes")
	}
	next := maps.Clone(t.set.Cashiers)
	if len(r.QR) == 0 && r.Footer == "" {
		delete(next, r.Cashier)
	} else {
		next[r.Cashier] = r
	}
	if len(next) > maxCashiers {
		return nil, problem(sale.CodeInvalid, "cashier", "有专属二维码的收银员过多", "at most 200 cashiers can have codes of their own at a till")
	}
	x := t.begin()
	x.put(queue.State, string(cashiersKey), next)
	x.report("tilld.config.applied.v1", "receipt", configData{
		Keys: []string{"receipt.footer", "receipt.qr"}, By: "receipt.set", For: r.Cashier, At: x.at,
	})
	x.after = append(x.after, func() { t.set.Cashiers = next })
	return map[string]any{"qr": len(r.QR), "cashier": r.Cashier}, x.commit(ctx)
}

// configData is the data of tilld.config.applied.v1.
type configData struct {
	Keys    []string  `json:"keys"`
	By      string    `json:"by"` // receipt.set, config.patch, pricebook.apply, log.level
	Version string    `json:"version,omitempty"`
	For     string    `json:"for,omitempty"` // the one cashier it is for
	At      time.Time `json:"at"`
}

// ConfigPatch is config.patch: {"payment.qr_ttl": "3m"}; null takes a key back
// to the configuration file. All keys or none are applied.
func (t *Till) ConfigPatch(ctx context.Context, data json.RawMessage) (any, error) {
	var change map[string]json.RawMessage
	if err := decode(data, &change); err != nil {
		return nil, err
	}
	if len(change) == 0 {
		return nil, problem(sale.CodeInvalid, "data", "没有配置项", "there is nothing to change")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	patch := map[string]json.RawMessage{}
	if err := t.o.Store.View(func(tx *queue.Tx) error { return getJSON(tx, queue.State, patchKey, &patch) }); err != nil {
		return nil, err
	}
	keys := make([]string, 0, len(change))
	for key, value := range change {
		if !slices.Contains(Patchable(), key) {
			return nil, problem(sale.CodeInvalid, cut(key, 64), "该配置项不允许远程修改", cut(key, 64)+" cannot be changed from outside")
		}
		keys = append(keys, key)
		if string(value) == "null" {
			delete(patch, key)
		} else {
			patch[key] = value
		}
	}
	slices.Sort(keys)
	set, err := t.settingsWith(patch)
	if err != nil {
		return nil, err
	}
	if level, ok := patch["log.level"]; ok && slices.Contains(keys, "log.level") {
		if err := t.setLogLevel(level); err != nil {
			return nil, err
		}
	}
	x := t.begin()
	x.put(queue.State, string(patchKey), patch)
	if slices.ContainsFunc(keys, func(k string) bool { return k == "receipt.qr" || k == "receipt.footer" }) {
		x.writes = append(x.writes, func(tx *queue.Tx) error { return tx.Delete(queue.State, receiptKey) })
	} else {
		set.QR, set.Footer = t.set.QR, t.set.Footer
	}
	x.report("tilld.config.applied.v1", "config", configData{Keys: keys, By: "config.patch", At: x.at})
	set.Cashiers = t.set.Cashiers
	x.after = append(x.after, func() { t.set = set; t.dress() })
	return map[string]any{"applied": keys}, x.commit(ctx)
}

func (t *Till) setLogLevel(value json.RawMessage) error {
	var level string
	if err := decode(value, &level); err != nil {
		return err
	}
	if t.o.SetLogLevel == nil {
		return problem(sale.CodeUnavailable, "log.level", "不支持修改日志级别", "the log level cannot be changed here")
	}
	if err := t.o.SetLogLevel(level); err != nil {
		return problem(sale.CodeInvalid, "log.level", "日志级别无效", err.Error())
	}
	return nil
}

// LogLevel is log.level: {"level": "debug"}. It lasts until the agent stops.
func (t *Till) LogLevel(ctx context.Context, data json.RawMessage) (any, error) {
	var r struct {
		Level json.RawMessage `json:"level"`
	}
	if err := decode(data, &r); err != nil {
		return nil, err
	}
	if err := new(settings).put("log.level", r.Level); err != nil {
		return nil, err
	}
	return map[string]json.RawMessage{"level": r.Level}, t.setLogLevel(r.Level)
}
