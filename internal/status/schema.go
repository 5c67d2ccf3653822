package status

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tilld/device"
	"tilld/display"
	"tilld/internal/health"
	"tilld/internal/sale"
	"tilld/printer"
)

// newRegistry returns a registry of JSON schemas made from our Go types. Types
// of display are prefixed, because a scene's Tender is not a sale's.
func newRegistry(suffix string) huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		name := huma.DefaultSchemaNamer(t, hint)
		switch pkg := t.PkgPath(); {
		case strings.HasSuffix(pkg, "/display") && name != "Scene":
			name = "Scene" + name
		case strings.HasSuffix(pkg, "tilld/device"):
			name = "Device" + name
		case strings.HasSuffix(pkg, "/internal/till") && name == "Status":
			name = "TillReport"
		}
		return name + suffix
	})
	for t, alias := range enums {
		r.RegisterTypeAlias(t, alias)
	}
	return r
}

// enums gives the closed sets of words their schema.
var enums = map[reflect.Type]reflect.Type{
	reflect.TypeFor[sale.State]():        reflect.TypeFor[saleState](),
	reflect.TypeFor[sale.PaymentState](): reflect.TypeFor[paymentState](),
	reflect.TypeFor[sale.RefundState]():  reflect.TypeFor[refundState](),
	reflect.TypeFor[device.State]():      reflect.TypeFor[deviceState](),
	reflect.TypeFor[device.Kind]():       reflect.TypeFor[deviceKind](),
	reflect.TypeFor[health.Severity]():   reflect.TypeFor[severity](),
	reflect.TypeFor[display.Kind]():      reflect.TypeFor[sceneKind](),
	reflect.TypeFor[printer.Outcome]():   reflect.TypeFor[outcome](),
	reflect.TypeFor[printer.Evidence]():  reflect.TypeFor[evidence](),
}

type (
	saleState    string
	paymentState string
	refundState  string
	deviceState  string
	deviceKind   string
	severity     string
	sceneKind    string
	outcome      string
	evidence     string
)

func closedSet[S ~string](list ...S) *huma.Schema {
	s := &huma.Schema{Type: "string"}
	for _, w := range list {
		s.Enum = append(s.Enum, string(w))
	}
	return s
}

func (saleState) Schema(huma.Registry) *huma.Schema {
	return closedSet(sale.Open, sale.Paying, sale.Paid, sale.Closed, sale.Void, sale.Refunded, sale.Parked)
}

func (paymentState) Schema(huma.Registry) *huma.Schema {
	return closedSet(sale.PayRequested, sale.PayPending, sale.PayPaid, sale.PayExpired, sale.PayCancelled, sale.PayUnknown, sale.PayFailed)
}

func (refundState) Schema(huma.Registry) *huma.Schema {
	return closedSet(sale.RefundDone, sale.RefundPending, sale.RefundFailed)
}

func (deviceState) Schema(huma.Registry) *huma.Schema {
	return closedSet(device.Ready, device.Missing, device.Denied, device.Taken, device.Silent, device.Faulty)
}

func (deviceKind) Schema(huma.Registry) *huma.Schema {
	return closedSet(device.Scanner, device.Printer, device.Display)
}

func (severity) Schema(huma.Registry) *huma.Schema {
	return closedSet(health.Info, health.Warning, health.Error)
}

func (sceneKind) Schema(huma.Registry) *huma.Schema {
	return closedSet(display.Idle, display.Basket, display.Paying, display.Processing, display.Paid, display.Failed,
		display.Offers, display.Member, display.Pickup, display.Message, display.ClosedTill)
}

func (outcome) Schema(huma.Registry) *huma.Schema {
	return closedSet(printer.Queued, printer.Sending, printer.Sent, printer.Confirmed, printer.Failed, printer.Uncertain)
}

func (evidence) Schema(huma.Registry) *huma.Schema {
	return closedSet(printer.NoEvidence, printer.BytesTaken, printer.StatusGood, printer.InOrder, printer.ProcessID)
}

// tidy returns a registry's schemas. What we answer never has null for a list;
// of what we are asked only the fields a row needs are required.
func tidy(r huma.Registry, input bool) map[string]*huma.Schema {
	list := r.Map()
	for name, s := range list {
		for _, p := range s.Properties {
			p.Nullable = false
			if p.Items != nil {
				p.Items.Nullable = false
			}
		}
		if input && !topLevel[name] {
			s.Required = nil
		}
	}
	return list
}

// topLevel are bodies, whose required fields the route table gives.
var topLevel = map[string]bool{
	"PayInput": true, "VoidSaleInput": true, "RefundSaleInput": true, "PrintRequestInput": true, "SceneBodyInput": true,
	"OpenDrawerInput": true, "SignInInput": true, "CloseShiftInput": true,
}
