package till

import (
	"bytes"
	"encoding/json"
	"errors"

	"tilld/internal/sale"
	"tilld/printer"
	"tilld/queue"
)

// What is known of a shopper is masked, and sealed all the same wherever it is
// stored (docs/adr/0036): in sales, in answers behind idempotency keys, in print
// jobs, and in events that wait for the cloud. Once its day's key is destroyed
// the record is there without it.

// personal is what a sale says of its shopper.
type personal struct {
	Member      *sale.Member      `json:"member,omitempty"`
	Points      *sale.Points      `json:"points,omitempty"`
	StoredValue *sale.StoredValue `json:"stored_value,omitempty"`
	Codes       map[string]string `json:"codes,omitempty"` // of coupons, by id: whoever has one can use it
	// Balances are what was left on the cards that paid, by position of the tender.
	Balances map[int]sale.Money `json:"balances,omitempty"`
}

func (p personal) empty() bool {
	return p.Member == nil && p.Points == nil && p.StoredValue == nil && len(p.Codes) == 0 && len(p.Balances) == 0
}

// split takes what is personal out of a copy of s.
func split(s sale.Sale) (sale.Sale, personal) {
	p := personal{Member: s.Member, Points: s.Points, StoredValue: s.StoredValue}
	s.Member, s.Points, s.StoredValue = nil, nil, nil
	s.Coupons = append([]sale.Coupon{}, s.Coupons...)
	for i, c := range s.Coupons {
		if c.Code != "" {
			if p.Codes == nil {
				p.Codes = map[string]string{}
			}
			p.Codes[c.ID], s.Coupons[i].Code = c.Code, ""
		}
	}
	s.Tenders = append([]sale.Tender{}, s.Tenders...)
	for i, t := range s.Tenders {
		if t.Balance != nil {
			if p.Balances == nil {
				p.Balances = map[int]sale.Money{}
			}
			p.Balances[i], s.Tenders[i].Balance = *t.Balance, nil
		}
	}
	return s, p
}

// isPersonal reports whether a sale says anything of its shopper.
func isPersonal(s sale.Sale) bool { _, p := split(s); return !p.empty() }

// saleRecord is a sale as it is stored.
type saleRecord struct {
	sale.Sale
	Sealed []byte `json:"sealed,omitempty"` // personal
}

func (t *Till) saleRecord(s sale.Sale) saleRecord {
	r, p := split(s)
	if p.empty() {
		return saleRecord{Sale: s}
	}
	return saleRecord{Sale: r, Sealed: t.o.Store.Conceal("sales/"+s.ID, mustJSON(p))}
}

// whole is the sale with what is personal, as long as that can be read.
func (t *Till) whole(r saleRecord) sale.Sale {
	s := r.Sale
	if r.Sealed == nil {
		return s
	}
	var p personal
	if !t.reveal("sales/"+s.ID, r.Sealed, &p) {
		return s
	}
	s.Member, s.Points, s.StoredValue = p.Member, p.Points, p.StoredValue
	for i, c := range s.Coupons {
		s.Coupons[i].Code = p.Codes[c.ID]
	}
	for i, b := range p.Balances {
		if i < len(s.Tenders) {
			s.Tenders[i].Balance = &b
		}
	}
	return s
}

// reveal reads a sealed value; false when it was erased, or damaged: a sale
// never fails for want of its shopper's points.
func (t *Till) reveal(about string, sealed []byte, dst any) bool {
	body, err := t.o.Store.Reveal(about, sealed)
	if err == nil {
		err = json.Unmarshal(body, dst)
	}
	if err != nil && !errors.Is(err, queue.ErrErased) {
		t.log.Error("what is known of a shopper cannot be read", "record", about, "err", err)
	}
	return err == nil
}

// readSale reads a stored sale; one without id when there is none.
func (t *Till) readSale(tx *queue.Tx, id string) (sale.Sale, error) {
	var r saleRecord
	if err := getJSON(tx, queue.Sales, []byte(id), &r); err != nil {
		return sale.Sale{}, err
	}
	return t.whole(r), nil
}

// jobRecord is a print job as it is stored.
type jobRecord struct {
	printer.Job
	Sealed []byte `json:"sealed,omitempty"` // content
}

// content is what a job prints.
type content struct {
	Doc printer.Doc `json:"doc,omitempty"`
	Raw []byte      `json:"raw,omitempty"`
}

func (t *Till) jobRecord(j printer.Job) jobRecord {
	if !j.Personal || len(j.Doc) == 0 && len(j.Raw) == 0 {
		return jobRecord{Job: j}
	}
	c := content{j.Doc, j.Raw}
	j.Doc, j.Raw = nil, nil
	return jobRecord{Job: j, Sealed: t.o.Store.Conceal("prints/"+j.ID, mustJSON(c))}
}

// readJob reads a stored job; one without id when there is none. A document
// past its time is laid out anew, without what was personal in it.
func (t *Till) readJob(tx *queue.Tx, key []byte) (printer.Job, error) {
	var r jobRecord
	if err := getJSON(tx, queue.Prints, key, &r); err != nil || r.Sealed == nil {
		return r.Job, err
	}
	j := r.Job
	var c content
	if t.reveal("prints/"+j.ID, r.Sealed, &c) {
		j.Doc, j.Raw = c.Doc, c.Raw
		return j, nil
	}
	s, err := t.readSale(tx, j.SaleID)
	if err == nil && s.Number > 0 {
		j.Doc = t.receiptDoc(s, nil, j.CopyOf != "")
	}
	return j, err
}

// sealAnswer seals the kept answer of a key that has something personal.
func (t *Till) sealAnswer(key string, k keptAnswer) keptAnswer {
	if namesShopper(k.Body) {
		k.Sealed, k.Body = t.o.Store.Conceal("idem/"+key, k.Body), nil
	}
	return k
}

// openAnswer is the reverse. An answer past its time is a problem: the call
// must not be run again.
func (t *Till) openAnswer(key string, k keptAnswer) keptAnswer {
	if k.Sealed == nil {
		return k
	}
	if !t.reveal("idem/"+key, k.Sealed, &k.Body) {
		k.Problem = problem(sale.CodeNotFound, "Idempotency-Key", "这个幂等键的答复已不再保留", "this was done; its answer is no longer kept")
	}
	return k
}

// marks of what is personal in JSON of ours; inside of a text the quotes would
// be escaped.
var personalMarks = [][]byte{
	[]byte(`"member":{`), []byte(`"points":{`), []byte(`"stored_value":{`), []byte(`"coupons":[{`), []byte(`"shopper_masked":"`),
	[]byte(`"balance":`), // of a card that paid
}

// namesShopper reports whether JSON of ours has something personal.
func namesShopper(body []byte) bool {
	for _, m := range personalMarks {
		if bytes.Contains(body, m) {
			return true
		}
	}
	return false
}
