package journal_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"testing"

	"tilld/internal/journal"
)

// pair is a till whose events are copied for a mall.
type pair struct{ brand, mall *till }

func newPair() *pair {
	return &pair{newTill("tilld/v1/acme/sh-001/03"), newTill("mall/v1/tenant/l2/03")}
}

func (p *pair) rule(events string) {
	p.mall.add("mall.view", fmt.Sprintf(`,"originalid":"%s-%d","originalhash":"%s"`, p.brand.epoch, p.brand.seq, p.brand.prev),
		fmt.Sprintf(`{"events":[%s],"redact":["member"],"source":%q}`, events, p.brand.source))
}

func (p *pair) copy(line []byte, data string) {
	e, err := journal.ParseEvent(line)
	if err != nil {
		panic(err)
	}
	if data == "" {
		data = string(e.Data)
	}
	p.mall.add(e.Type[len("tilld."):len(e.Type)-len(".v1")], fmt.Sprintf(`,"originalid":"%s-%d","originalhash":"%s"`, e.Epoch, e.Sequence, e.Hash), data)
}

const both = `"sale.closed","sale.refunded","sale.voided"`

func (p *pair) refund(n int, amount int64) []byte {
	return p.brand.add("sale.refunded", "", fmt.Sprintf(`{"sale":"S1","refund_id":"R%d","number":%d,"day":"2026-03-14","currency":"CNY","amount":%d,"tenders":[{"method":"cash","amount":%d}]}`, n, n, amount, amount))
}

func read(t *testing.T, b []byte) *journal.Books {
	t.Helper()
	var k journal.Books
	if err := k.Read("f", func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }); err != nil {
		t.Fatal(err)
	}
	return &k
}

// Every difference has its reason; what has none is not explained away.
func TestSettle(t *testing.T) {
	for _, tt := range []struct {
		name string
		play func(p *pair)
		want []string // reasons; with ! in front when not explained
		same int
	}{
		{"equal", func(p *pair) {
			p.rule(both)
			p.copy(p.brand.sale(1, 100), "")
			p.brand.add("drawer.opened", "", "{}")
			p.copy(p.refund(2, 40), "")
			p.copy(p.brand.add("sale.voided", "", `{"id":"V","state":"void","currency":"CNY"}`), "")
		}, nil, 3},
		{"before the view, filtered, off, on again", func(p *pair) {
			p.brand.sale(1, 100)
			p.rule(`"sale.closed"`)
			p.copy(p.brand.sale(2, 100), "")
			p.refund(3, 50)
			p.copy(p.brand.sale(4, 100), "")
			p.rule("")
			p.brand.sale(5, 100)
			p.rule(both)
			p.copy(p.refund(6, 50), "")
		}, []string{"filtered", "filtered", "off", "off", "off", "off"}, 3},
		{"not delivered yet", func(p *pair) {
			p.rule(both)
			p.copy(p.brand.sale(1, 100), "")
			p.brand.sale(2, 100)
			p.brand.sale(3, 100)
		}, []string{"pending", "pending"}, 1},
		{"lost", func(p *pair) {
			p.rule(both)
			p.copy(p.brand.sale(1, 100), "")
			p.brand.sale(2, 100)
			p.copy(p.brand.sale(3, 100), "")
		}, []string{"!lost", "!lost"}, 2}, // the sale, and its receipt number
		{"withheld", func(p *pair) {
			p.rule(both)
			p.copy(p.brand.sale(1, 100), "")
			p.brand.sale(2, 100)
			p.brand.sale(3, 100)
			p.mall.add("record.withheld", "", fmt.Sprintf(`{"count":2,"first":{"id":"%s-2"},"last":{"id":"%s-3"}}`, epoch, epoch))
			p.copy(p.brand.sale(4, 100), "")
		}, []string{"withheld", "withheld", "withheld", "withheld"}, 2},
		{"a copy that could not be made", func(p *pair) {
			p.rule(both)
			line := p.brand.sale(1, 100)
			p.mall.add("record.damaged", fmt.Sprintf(`,"originalid":"%s-1","originalhash":"%x"`, epoch, sha256.Sum256(line)), `{"reason":"cannot be copied"}`)
			p.copy(p.brand.sale(2, 100), "")
		}, []string{"damaged", "damaged"}, 1},
		{"another amount", func(p *pair) {
			p.rule(both)
			p.copy(p.brand.sale(1, 100), `{"id":"S1","number":1,"day":"2026-03-14","currency":"CNY","total":99,"tenders":[{"method":"cash","amount":99}]}`)
		}, []string{"!amount"}, 0},
		{"another tender", func(p *pair) {
			p.rule(both)
			p.copy(p.brand.sale(1, 100), `{"id":"S1","number":1,"day":"2026-03-14","currency":"CNY","total":100,"tenders":[{"method":"card","amount":100}]}`)
		}, []string{"!tender"}, 0},
		{"another number", func(p *pair) {
			p.rule(both)
			p.copy(p.brand.sale(1, 100), `{"id":"S1","number":2,"day":"2026-03-14","currency":"CNY","total":100,"tenders":[{"method":"cash","amount":100}]}`)
		}, []string{"!gap", "!number"}, 0},
		{"a copy of other bytes", func(p *pair) {
			p.rule(both)
			line := p.brand.sale(1, 100)
			p.mall.add("sale.closed", fmt.Sprintf(`,"originalid":"%s-1","originalhash":"%064d"`, epoch, 5), string(mustData(line)))
		}, []string{"!bytes"}, 0},
		{"the mall has one more", func(p *pair) {
			p.rule(both)
			p.copy(p.brand.sale(1, 100), "")
			p.copy(p.brand.sale(2, 100), "")
			p.brand.lines = p.brand.lines[:1] // the brand's cloud has not acknowledged it yet
		}, []string{"pending"}, 1},
		{"the mall has what never was", func(p *pair) {
			p.rule(both)
			p.copy(p.brand.sale(1, 100), "")
			p.mall.add("sale.closed", "", `{"id":"S2","number":2,"day":"2026-03-14","currency":"CNY","total":5,"tenders":[]}`)
		}, []string{"!unknown"}, 1},
		{"a sale twice", func(p *pair) {
			p.rule(both)
			line := p.brand.sale(1, 100)
			p.copy(line, "")
			p.copy(line, "")
		}, []string{"!chain"}, 1},
		{"a hole in the brand's numbers", func(p *pair) {
			p.rule(both)
			p.copy(p.brand.sale(1, 100), "")
			p.copy(p.brand.sale(3, 100), "")
		}, []string{"!gap", "!gap"}, 2},
		{"a broken chain", func(p *pair) {
			p.rule(both)
			p.copy(p.brand.sale(1, 100), "")
			p.mall.prev[0]++
			p.copy(p.brand.sale(2, 100), "")
		}, []string{"!chain"}, 2},
		{"no rule in the mall's file", func(p *pair) {
			p.copy(p.brand.sale(1, 100), "")
		}, []string{"!lost", "!unknown", "!unknown"}, 0},
	} {
		p := newPair()
		tt.play(p)
		var got []string
		same, open := 0, 0
		for _, s := range journal.Settle(read(t, p.brand.ledger()), read(t, p.mall.ledger()), "") {
			for _, d := range s.Differences {
				if d.Explained {
					got = append(got, d.Reason)
				} else {
					got = append(got, "!"+d.Reason)
				}
				if d.Text == "" {
					t.Errorf("%s: %+v says nothing", tt.name, d)
				}
			}
			same, open = same+s.Same, open+s.Unexplained
		}
		slices.Sort(got)
		if fmt.Sprint(got) != fmt.Sprint(tt.want) || same != tt.same {
			t.Errorf("%s: %v, %d the same; want %v, %d", tt.name, got, same, tt.want, tt.same)
		}
		if want := len(got) - len(slices.DeleteFunc(slices.Clone(got), func(r string) bool { return r[0] == '!' })); open != want {
			t.Errorf("%s: %d not explained, want %d", tt.name, open, want)
		}
	}
}

func mustData(line []byte) []byte {
	e, err := journal.ParseEvent(line)
	if err != nil {
		panic(err)
	}
	return e.Data
}

// Totals per day and tender come out of both views by themselves, and an export
// settles like a ledger does.
func TestSettleTotals(t *testing.T) {
	p := newPair()
	p.rule(both)
	p.copy(p.brand.sale(1, 100), "")
	p.copy(p.brand.sale(2, 250), "")
	p.copy(p.refund(3, 40), "")
	for _, brand := range [][]byte{p.brand.ledger(), p.brand.export(t, journal.Filter{})} {
		s := journal.Settle(read(t, brand), read(t, p.mall.ledger()), "2026-03-14")[0]
		if len(s.Days) != 1 || s.Unexplained != 0 {
			t.Fatalf("%+v", s)
		}
		d := s.Days[0]
		if d.Brand.Net != 310 || d.Brand.Tenders["cash"] != 310 || d.Brand.Gross != 350 || d.Brand.Refunded != 40 || d.Brand.Last != 3 || fmt.Sprint(d.Brand) != fmt.Sprint(d.Mall) {
			t.Errorf("%+v", d)
		}
	}
	if s := journal.Settle(read(t, p.brand.ledger()), read(t, p.mall.ledger()), "2026-03-15")[0]; len(s.Days) != 0 || len(s.Differences) != 0 {
		t.Errorf("another day: %+v", s)
	}
}

// Tenders add up to the net: money that the payment side refused to give back is
// not back, and what was given back before the sale closed is no turnover.
func TestSettleTendersAddUp(t *testing.T) {
	p := newPair()
	p.rule(both)
	p.copy(p.brand.add("sale.closed", "", `{"id":"S1","number":1,"day":"2026-03-14","currency":"CNY","total":100,"tenders":[{"method":"wallet","amount":80},{"method":"cash","amount":50}],"refunds":[{"give_back":true,"amount":30,"state":"done","tenders":[{"method":"cash","amount":30,"state":"done"},{"method":"wallet","amount":5,"state":"failed"}]}]}`), "")
	p.copy(p.brand.add("sale.refunded", "", `{"sale":"S1","refund_id":"R","number":2,"day":"2026-03-14","currency":"CNY","amount":20,"tenders":[{"method":"wallet","amount":80,"state":"failed"},{"method":"cash","amount":20,"state":"done"}]}`), "")
	d := journal.Settle(read(t, p.brand.ledger()), read(t, p.mall.ledger()), "2026-03-14")[0].Days[0]
	if d.Brand.Net != 80 || d.Brand.Tenders["wallet"] != 80 || d.Brand.Tenders["cash"] != 0 || fmt.Sprint(d.Brand) != fmt.Sprint(d.Mall) {
		t.Errorf("%+v", d)
	}
}
