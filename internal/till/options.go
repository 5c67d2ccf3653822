package till

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/internal/feed"
	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/printer"
	"tilld/queue"
	"tilld/scanner/code"
)

// Options is what the engine is built of. Fields without a remark are required.
type Options struct {
	Till     TillStatus
	Location *time.Location // the store's time zone; nil is UTC
	Currency string         // ISO 4217; "" is CNY
	Language lang.Tag       // "" is zh-CN

	Store  *queue.Store
	Cloud  Cloud          // nil: there is never a link
	Stage  *display.Stage // nil: no displays
	Feed   *feed.Feed     // nil: one of its own
	Health *health.Board  // nil: one of its own
	Board  *device.Board  // nil: no devices
	Log    *slog.Logger   // nil: none
	Rules  code.Rules

	Version, BootID string
	QRTTL           time.Duration // life of a pay code; 0 is 5 min
	RequestTimeout  time.Duration // wait for the cloud in a call; 0 is 10 s
	LookupTimeout   time.Duration // wait for price.lookup and its like; 0 is 2 s
	Bounce          time.Duration // the same code again within this is one scan; 0 is 300 ms

	// Offline is payment while there is no link; nil: off.
	Offline *OfflinePay

	Receipt        ReceiptConfig
	ReceiptPrinter string   // configured name of the receipt printer, "" when there is none
	Printers       []string // configured names
	Scanners       []string
	// Backup names, for a printer, the one that stands in for it.
	Backup map[string]StandIn

	// PublicKey is the public half of the till's key, 32 bytes; nil: there is none.
	PublicKey []byte
	// PayApps are the wallets that can read our pay codes, as the shopper is told:
	// wechat, alipay, unionpay, ecny; none: the screen names none.
	PayApps []string

	// Markup reads ReceiptLine; nil: markup is refused.
	Markup func(src string) (printer.Doc, error)
	// Template lays out the receipt of a sale; nil: the built-in layout.
	Template func(d ReceiptData) (printer.Doc, error)
	// RefundTemplate does the same for the receipt of a refund.
	RefundTemplate func(d RefundData) (printer.Doc, error)
	// Sign signs a sale reference, or a request of Offline, with the till's key;
	// nil: references are unsigned.
	Sign func(message []byte) []byte
	// Token checks a token that the cloud signed and a shopper carries; nil:
	// tokens are refused.
	Token func(text string) (Token, error)
	// FetchPrices opens a price book file below the configured repository. What
	// is read ends with io.EOF only when size and SHA-256 are right. nil: the url
	// form of pricebook.apply is refused.
	FetchPrices func(ctx context.Context, url, sha256 string, bytes int64) (io.ReadCloser, error)

	LinkStatus  func() LinkStatus                            // nil: off
	MallStatus  func() *MallStatus                           // nil, or an answer of nil: there is no mall
	ClockStatus func() ClockStatus                           // nil: not trusted
	TestDevice  func(ctx context.Context, name string) error // nil: refused
	KickDrawer  func(ctx context.Context) error              // opens the drawer of the receipt printer at once; nil: there is none
	SetLogLevel func(level string) error                     // nil: log.level is refused
	SetScreen   func(ScreenLook)                             // how head office wants the screen to look; returns at once; nil: nobody is told
	// Answer tells a scanner late what became of its last scan, when [Till.Scan]
	// had to ask the cloud; nil: nobody is told.
	Answer func(scanner string, ok bool)

	Now func() time.Time // nil is time.Now
}

// StandIn is the printer that takes over jobs which have waited too long for
// another: queued ones alone, never one of which a byte may be on paper.
type StandIn struct {
	Printer string
	After   time.Duration
}

// Token is a token whose signature, audience and time are right.
type Token struct {
	Kind string          // coupon or pickup
	ID   string          // good once
	Data json.RawMessage // the coupon, the pickup
}

// ReceiptConfig is what is printed below a receipt.
type ReceiptConfig struct {
	Template   string
	Copies     int    // originals of each receipt, 1 to 3; 0 is 1
	QR         []Link // printed on each receipt, shown on the idle and the paid scene
	InvoiceURL string // e-invoice page; "" prints no invoice code
	Header     string // store's name or greeting, above
	Footer     string
	// QRHosts are the hosts whose addresses may stand in codes, "*.example.cn" for
	// all below it; empty: all hosts.
	QRHosts []string
}

// Link is a titled address that is shown or printed as a QR code. {cashier},
// {adviser}, {store}, {till}, {sale} and {code} in URL are filled in; a link whose
// placeholder is empty is left out.
type Link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

// Cloud asks the cloud questions that need an answer now.
type Cloud interface {
	Up() bool
	// Soon is closed when the link is up or is not to be waited for any longer; nil
	// when there is nothing to wait for. A link is worth waiting for right after the
	// agent's start, and for a moment after it was lost.
	Soon() <-chan struct{}
	// Ask sends one request of the contract's table and waits for its response
	// until ctx ends. id "" has one drawn. It fails with ErrLinkDown when nothing
	// was sent, ErrNoAnswer when the answer did not come, or a *CloudError.
	Ask(ctx context.Context, kind, sale, id string, data any) (json.RawMessage, error)
}

// Errors of [Cloud.Ask].
var (
	ErrLinkDown = errors.New("till: the link to the cloud is down")
	ErrNoAnswer = errors.New("till: the cloud did not answer in time")
)

// CloudError is what the cloud answered instead of what was asked for.
type CloudError struct{ Code, Message string }

func (e *CloudError) Error() string { return "cloud: " + e.Code + ": " + e.Message }
