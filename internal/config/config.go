// Package config reads the till's YAML configuration: strictly (an unknown key
// is a problem), completely (every problem is reported, with its line), and
// with a default for every key but the till's ids. The keys are those of
// docs/configuration.md.
package config

import (
	"cmp"
	"encoding/json"
	"time"
)

// Config is the whole configuration. The yaml tag is the key; a key without
// value keeps its default.
type Config struct {
	Till     Till     `yaml:"till"`
	HTTP     HTTP     `yaml:"http"`
	Cloud    Cloud    `yaml:"cloud"`
	Mall     Mall     `yaml:"mall"`
	Queue    Queue    `yaml:"queue"`
	Receipt  Receipt  `yaml:"receipt"`
	Payment  Payment  `yaml:"payment"`
	Cashier  Cashier  `yaml:"cashier"`
	Screen   Screen   `yaml:"screen"`
	Codes    Raw      `yaml:"codes"` // read by package code
	Devices  []Device `yaml:"devices"`
	Dialects Dialects `yaml:"dialects"`
	Firmware Firmware `yaml:"firmware"`
	DataDir  string   `yaml:"data_dir"`
	Log      Log      `yaml:"log"`
}

// Till is which checkout this is.
type Till struct {
	Merchant string `yaml:"merchant"` // [A-Za-z0-9_-]{1,32}, required
	Store    string `yaml:"store"`    // the same
	Till     string `yaml:"till"`     // the same
	Number   uint32 `yaml:"number"`   // given at enrolment, for offline payment only
	Currency string `yaml:"currency"` // ISO 4217
	Timezone string `yaml:"timezone"` // IANA name: business days, markdowns, receipts
	Language string `yaml:"language"` // zh-CN or en
}

// HTTP is where the local API listens.
type HTTP struct {
	Listen         string   `yaml:"listen"` // loopback host:port, port 0 for any
	AllowedHosts   []string `yaml:"allowed_hosts"`
	AllowedOrigins []string `yaml:"allowed_origins"`
	LAN            LAN      `yaml:"lan"`
}

// LAN is the read-only status page for the store's network, off when Listen is "".
type LAN struct {
	Listen  string `yaml:"listen"`
	TLSCert string `yaml:"tls_cert"`
	TLSKey  string `yaml:"tls_key"`
	PINFile string `yaml:"pin_file"`
}

// Cloud is the line to head office.
type Cloud struct {
	URL          string `yaml:"url"`       // mqtt:// or mqtts://, "" for no cloud
	ClientID     string `yaml:"client_id"` // "" is merchant_store_till
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
	CAFile       string `yaml:"ca_file"`
	CertFile     string `yaml:"cert_file"`
	KeyFile      string `yaml:"key_file"`
	TopicRoot    string `yaml:"topic_root"`
	TrustFile    string `yaml:"trust_file"` // JWK set of the cloud's public keys
	Ack          string `yaml:"ack"`        // cloud or broker
	Window       int    `yaml:"window"`     // events in flight
}

// Mall is a second destination that gets copies of some events, off when URL
// is "". The first block is like [Cloud].
type Mall struct {
	URL          string `yaml:"url"`
	ClientID     string `yaml:"client_id"` // "" is merchant_store_till
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
	CAFile       string `yaml:"ca_file"`
	CertFile     string `yaml:"cert_file"`
	KeyFile      string `yaml:"key_file"`
	TopicRoot    string `yaml:"topic_root"`
	TrustFile    string `yaml:"trust_file"` // JWK set of the mall's public keys
	Ack          string `yaml:"ack"`
	Window       int    `yaml:"window"`

	Merchant string   `yaml:"merchant"` // names at the mall, "" is those of till
	Store    string   `yaml:"store"`
	Till     string   `yaml:"till"`
	Events   []string `yaml:"events"`    // types without "tilld." and ".v1"
	Redact   []string `yaml:"redact"`    // parts left out
	MaxBytes Size     `yaml:"max_bytes"` // of copies that the mall has not taken
}

// Queue bounds what the till keeps.
type Queue struct {
	MaxBytes     Size     `yaml:"max_bytes"`
	ReserveBytes Size     `yaml:"reserve_bytes"`
	KeepAcked    Duration `yaml:"keep_acked"`
}

// Receipt is what is printed after a sale.
type Receipt struct {
	Template       string `yaml:"template"`
	RefundTemplate string `yaml:"refund_template"` // of the receipt of a refund
	Copies         int    `yaml:"copies"`
	QR             []QR   `yaml:"qr"`
	InvoiceURL     string `yaml:"invoice_url"`
	// QRHosts are the hosts whose addresses codes on receipts and screens may
	// have; empty: all.
	QRHosts []string `yaml:"qr_hosts"`
}

// QR is one code at the foot of the receipt.
type QR struct {
	Title string `yaml:"title"`
	URL   string `yaml:"url"`
}

// Payment bounds payments through the cloud.
type Payment struct {
	QRTTL          Duration `yaml:"qr_ttl"`
	RequestTimeout Duration `yaml:"request_timeout"`
	Offline        Offline  `yaml:"offline"`
}

// Offline is payment without a line to the cloud.
type Offline struct {
	Enabled       bool     `yaml:"enabled"`
	URLPrefix     string   `yaml:"url_prefix"`     // upper case, HTTPS://HOST/PATH/
	MaxAmount     Amount   `yaml:"max_amount"`     // of one payment
	MaxCount      int      `yaml:"max_count"`      // payments per spell without a link
	MaxKeyAge     Duration `yaml:"max_key_age"`    // of cloud.trust_file; 0 is no limit
	KeyGeneration int      `yaml:"key_generation"` // of till-key, 0 to 255, given at enrolment

	// The short code instead of a proof, for tills without a working 2D reader; off
	// while CodeKeyFile is "".
	CodeKeyFile   string `yaml:"code_key_file"`   // JWK set that the till shares with the cloud, mode 0600
	CodeMaxAmount Amount `yaml:"code_max_amount"` // of one payment, at most MaxAmount
	CodeMaxCount  int    `yaml:"code_max_count"`  // codes per spell without a link
}

// Cashier is the page at /cashier that sells, for shops without POS software.
type Cashier struct {
	Enabled bool   `yaml:"enabled"`
	PINFile string `yaml:"pin_file"` // 6 to 64 characters, mode 0600; "" asks for none
}

// Screen is what the store makes of the customer screen.
type Screen struct {
	Brand       Brand    `yaml:"brand"`
	Theme       string   `yaml:"theme"`        // auto, light or dark
	Text        string   `yaml:"text"`         // normal or large
	PlaylistDir string   `yaml:"playlist_dir"` // pictures and videos while idle, unless head office sends some; "" for none
	PayApps     []string `yaml:"pay_apps"`     // wallets named beside a pay code: wechat, alipay, unionpay, ecny
}

// Brand is whose screen it is.
type Brand struct {
	Name  string `yaml:"name"`
	Color string `yaml:"color"` // "#17375e"
	Logo  string `yaml:"logo"`  // PNG file
}

// Device is one piece of hardware.
type Device struct {
	Name    string `yaml:"name"`
	Kind    string `yaml:"kind"`
	Driver  string `yaml:"driver"`
	Address string `yaml:"address"`
	Options Raw    `yaml:"options"`
	// Backup names the printer that takes over what has waited for this one for
	// BackupAfter; 0 is 1 min.
	Backup      string   `yaml:"backup"`
	BackupAfter Duration `yaml:"backup_after"`
}

// DefaultBackupAfter is how long a job waits for its printer before the backup
// printer takes it: longer than changing a roll takes.
const DefaultBackupAfter = time.Minute

// Dialects are other vendors' local APIs.
type Dialects struct {
	QZ      QZ      `yaml:"qz"`
	EPOS    Dialect `yaml:"epos"`
	HWProxy Dialect `yaml:"hwproxy"`
	Raw9100 Raw9100 `yaml:"raw9100"`
}

// QZ is the QZ Tray dialect.
type QZ struct {
	Enabled        bool     `yaml:"enabled"`
	Listen         []string `yaml:"listen"`
	TLSListen      []string `yaml:"tls_listen"`
	AllowedOrigins []string `yaml:"allowed_origins"`
	AllowDrawer    bool     `yaml:"allow_drawer"` // kicks among a page's bytes open the drawer
}

// Dialect is a dialect with one listener.
type Dialect struct {
	Enabled        bool     `yaml:"enabled"`
	Listen         string   `yaml:"listen"`
	AllowedOrigins []string `yaml:"allowed_origins"`
}

// Raw9100 takes printer bytes on a TCP port.
type Raw9100 struct {
	Enabled     bool   `yaml:"enabled"`
	Listen      string `yaml:"listen"`
	AllowDrawer bool   `yaml:"allow_drawer"`
}

// Firmware is where updates come from and when they may be put in place.
type Firmware struct {
	Repository string `yaml:"repository"` // URL or directory of a TUF tree, "" for none
	Channel    string `yaml:"channel"`
	Window     string `yaml:"window"` // "02:00-05:00", store time
	RootFile   string `yaml:"root_file"`
}

// Log is where the agent's own log goes.
type Log struct {
	Level string `yaml:"level"` // debug info warn error
	File  string `yaml:"file"`  // "" is stderr
}

// Raw is a part whose keys belong to another package, as JSON; nil when absent.
type Raw = json.RawMessage

// Defaults returns the configuration of a till that sets only its ids.
func Defaults() Config {
	return Config{
		Till: Till{Currency: "CNY", Timezone: "Asia/Shanghai", Language: "zh-CN"},
		HTTP: HTTP{Listen: "127.0.0.1:7780"},
		Cloud: Cloud{
			URL: "mqtt://127.0.0.1:1883", TopicRoot: "tilld/v1",
			TrustFile: "/etc/tilld/cloud-keys.json", Ack: "cloud", Window: 512,
		},
		Mall: Mall{
			TopicRoot: "tilld/v1", TrustFile: "/etc/tilld/mall-keys.json", Ack: "cloud", Window: 512, MaxBytes: 256 << 20,
			Events: []string{"sale.closed", "sale.refunded", "sale.voided", "shift.closed"},
			Redact: []string{
				"member", "points", "stored_value", "coupons", "offers", "payment", "external_id", "code", "cashier", "adviser", "shopper_masked",
				"items.serial", "items.scan", "tenders.reference", "tenders.balance", "tenders.payment_id",
			},
		},
		Queue:   Queue{MaxBytes: 2 << 30, ReserveBytes: 64 << 20, KeepAcked: Duration(7 * 24 * time.Hour)},
		Receipt: Receipt{Template: "default", RefundTemplate: "default", Copies: 1},
		Payment: Payment{QRTTL: Duration(5 * time.Minute), RequestTimeout: Duration(10 * time.Second), Offline: Offline{MaxCount: 50, MaxKeyAge: Duration(14 * 24 * time.Hour), CodeMaxCount: 10}},
		Screen:  Screen{Theme: "auto", Text: "normal"},
		Dialects: Dialects{
			QZ:      QZ{Listen: []string{"127.0.0.1:8182"}, TLSListen: []string{"127.0.0.1:8181"}},
			EPOS:    Dialect{Listen: "127.0.0.1:7781"},
			HWProxy: Dialect{Listen: "127.0.0.1:8069"},
			Raw9100: Raw9100{Listen: "127.0.0.1:9100"},
		},
		Firmware: Firmware{Channel: "stable", Window: "02:00-05:00"},
		DataDir:  "/var/lib/tilld",
		Log:      Log{Level: "info"},
	}
}

// ClientID is the MQTT client id: the configured one, else merchant_store_till.
func (c Config) ClientID() string {
	if c.Cloud.ClientID != "" {
		return c.Cloud.ClientID
	}
	return c.Till.Merchant + "_" + c.Till.Store + "_" + c.Till.Till
}

// Named returns m with the names of t where it has none of its own.
func (m Mall) Named(t Till) Mall {
	m.Merchant, m.Store, m.Till = cmp.Or(m.Merchant, t.Merchant), cmp.Or(m.Store, t.Store), cmp.Or(m.Till, t.Till)
	if m.ClientID == "" {
		m.ClientID = m.Merchant + "_" + m.Store + "_" + m.Till
	}
	return m
}

// Path is the till's path at the mall.
func (m Mall) Path() string { return m.Merchant + "/" + m.Store + "/" + m.Till }

// Path is the till's path, the audience of what the cloud signs: "acme/sh-001/03".
func (c Config) Path() string {
	return c.Till.Merchant + "/" + c.Till.Store + "/" + c.Till.Till
}
