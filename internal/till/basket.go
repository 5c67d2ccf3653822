package till

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"

	"github.com/oklog/ulid/v2"

	"tilld/internal/sale"
	"tilld/queue"
	"tilld/scanner/code"
)

// idSource draws ids that sort by time, also within one millisecond.
type idSource struct {
	mu      sync.Mutex
	entropy *ulid.MonotonicEntropy
}

func (t *Till) newID() string {
	t.ids.mu.Lock()
	defer t.ids.mu.Unlock()
	if t.ids.entropy == nil {
		t.ids.entropy = ulid.Monotonic(rand.Reader, 0)
	}
	return ulid.MustNew(ulid.Timestamp(t.now()), t.ids.entropy).String()
}

// saleStep runs one event of a sale and answers with the sale.
func (t *Till) saleStep(ctx context.Context, c Call, e sale.Event) (Answer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	if err := x.step(e); err != nil {
		return Answer{}, err
	}
	answer := x.answer(c, false, x.sale())
	return answer, x.commit(ctx)
}

func (t *Till) openSale(ctx context.Context, c Call, cmd sale.OpenSale) (Answer, error) {
	items, err := t.resolveAll(ctx, cmd.Items)
	if err != nil {
		return Answer{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if first, err := t.firstAnswer(cmd.ExternalID); err != nil || first != nil {
		if first == nil {
			return Answer{}, err
		}
		return *first, nil
	}
	x := t.begin()
	id, err := x.open(sale.Opened{At: x.at, ExternalID: cmd.ExternalID, Cashier: cmd.Cashier, Adviser: cmd.Adviser})
	if err != nil {
		return Answer{}, err
	}
	if len(items) > 0 {
		if err := x.step(sale.ItemsAdded{At: x.at, Sale: id, Items: items}); err != nil {
			return Answer{}, err
		}
	}
	answer := x.answer(c, true, x.sale())
	if cmd.ExternalID != "" {
		x.index("external/"+cmd.ExternalID, id)
		x.put(queue.Idem, "external/"+cmd.ExternalID, keptAnswer{At: x.at, Created: true, Body: answer.Body})
	}
	return answer, x.commit(ctx)
}

// firstAnswer is what the sale with this external id was answered with.
func (t *Till) firstAnswer(externalID string) (*Answer, error) {
	if externalID == "" {
		return nil, nil
	}
	var k keptAnswer
	var id []byte
	err := t.o.Store.View(func(tx *queue.Tx) (err error) {
		if err = getJSON(tx, queue.Idem, []byte("external/"+externalID), &k); err == nil {
			id, err = tx.Get(queue.Index, []byte("external/"+externalID))
		}
		return err
	})
	switch {
	case err != nil || id == nil:
		return nil, err
	case !k.At.IsZero():
		return &Answer{Created: k.Created, Body: k.Body}, nil
	}
	s, err := t.stored(string(id)) // the answer is no longer kept, the sale is
	if err != nil {
		return nil, err
	}
	return &Answer{Created: true, Body: mustJSON(s)}, nil
}

// open opens a sale, unless the queue takes no new ones.
func (x *txn) open(e sale.Opened) (string, error) {
	switch st := x.t.o.Store.Stats(); {
	case st.Failing && !st.Accepting:
		return "", problem(sale.CodeStorage, "", "本机磁盘出现故障，不能开始新的销售：请停止销售并联系门店 IT；此前已接受的数据是安全的",
			"this till's disk fails: no new sale; call store IT; what was accepted before is safe")
	case !st.Accepting:
		x.t.queueFull()
		return "", problem(sale.CodeQueueFull, "", "存储空间已满，不能开始新的销售；请检查网络或联系信息部门",
			"the till's storage is full: no new sale until the cloud has taken what waits or store IT has made room")
	}
	x.t.o.Health.Clear(condQueueFull, "queue")
	e.ID = x.t.newID()
	return e.ID, x.step(e)
}

// currentOrNew is the sale that scans go to; without one it is opened.
func (x *txn) currentOrNew() (string, error) {
	if s, ok := x.m.Current(); ok {
		return s.ID, nil
	}
	return x.open(sale.Opened{At: x.at})
}

func (t *Till) addItem(ctx context.Context, c Call, cmd sale.AddItem) (Answer, error) {
	if cmd.Code == "" {
		n, err := t.newItem(cmd.Add)
		if err != nil {
			return Answer{}, err
		}
		return t.saleStep(ctx, c, sale.ItemsAdded{At: t.now(), Sale: cmd.Sale, Items: []sale.NewItem{n}})
	}
	k := t.classify("", []byte(cmd.Code))
	if k.Kind == code.Proof || k.Kind == code.ProofCode { // as if it had been scanned
		return t.payProof(ctx, c, sale.Pay{Sale: cmd.Sale, Method: "proof", Code: k.Text})
	}
	if err := onlyCode(cmd.Add); err != nil {
		return Answer{}, err
	}
	if err := t.mayChange(cmd.Sale); err != nil {
		return Answer{}, err
	}
	found, err := t.find(ctx, k, cmd.Sale)
	if p, ok := errors.AsType[*sale.Problem](err); ok && p.Code == sale.CodeUnknownCode {
		t.mu.Lock()
		t.say(t.word(wordCannotScan), t.word(p.Detail))
		t.mu.Unlock()
	}
	if err != nil {
		return Answer{}, err
	}
	if err := found.want(k, cmd.Add); err != nil {
		return Answer{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	if err := x.apply(found, cmd.Sale, 0); err != nil {
		return Answer{}, err
	}
	s, ok := x.m.Sale(cmd.Sale)
	if !ok {
		return Answer{}, problem(sale.CodeUnknownSale, "", "没有这笔销售", "there is no such sale")
	}
	answer := x.answer(c, false, s)
	return answer, x.commit(ctx)
}

// onlyCode refuses what would be said twice: an item with a code is what the
// price book or the cloud says it is, and a price beside it would be ignored.
func onlyCode(a sale.Add) error {
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"sku", a.SKU != ""},
		{"gtin", a.GTIN != ""},
		{"name", a.Name != ""},
		{"unit", a.Unit != ""},
		{"unit_price", a.UnitPrice != nil},
		{"old_price", a.OldPrice != 0},
		{"serial", a.Serial != ""},
	} {
		if f.given {
			return problem(sale.CodeInvalid, f.name, "有 code 时商品信息来自价格本，不能再写 "+f.name,
				f.name+" cannot be given beside code, which says what the item is; leave one of them out")
		}
	}
	return nil
}

// want gives what was found by a code the quantity and the discount that were
// asked for.
func (f finding) want(k code.Code, a sale.Add) error {
	switch {
	case a.Quantity == "" && a.Discount == 0:
		return nil
	case len(f.items) == 1 && (a.Quantity == "" || k.Quantity == ""):
		f.items[0].Discount = a.Discount
		if a.Quantity != "" {
			f.items[0].Quantity = a.Quantity
		}
		return nil
	case len(f.items) == 1:
		return problem(sale.CodeInvalid, "quantity", "条码里已经有数量或重量，请逐件扫描", "the code itself says how much it is; scan one by one")
	case a.Quantity != "":
		return problem(sale.CodeInvalid, "quantity", "这个条码不是一件商品，不能带数量", "the code does not stand for one article; a quantity cannot be given")
	default:
		return problem(sale.CodeInvalid, "discount", "这个条码不是一件商品，不能带折扣", "the code does not stand for one article; a discount cannot be given")
	}
}

// mayChange fails early when a sale's basket cannot be changed.
func (t *Till) mayChange(id string) error {
	s, err := t.Sale(id)
	if err != nil {
		return err
	}
	switch s.State {
	case sale.Open, sale.Paying, sale.Parked:
		return nil
	default:
		return problem(sale.CodeWrongState, "", "这笔销售已经结束", "the sale is "+string(s.State)+"; it cannot be changed any more")
	}
}

// newItem makes a line item of what a POS application knows; a SKU alone is an
// article of the price book.
func (t *Till) newItem(a sale.Add) (sale.NewItem, error) {
	if a.SKU != "" && a.Name == "" && a.UnitPrice == nil {
		return t.bySKU(a)
	}
	if a.UnitPrice == nil {
		return sale.NewItem{}, problem(sale.CodeInvalid, "unit_price", "缺少单价", "unit_price is missing; give code, or sku, name and unit_price, or the sku of an article of the price book")
	}
	return sale.NewItem{
		SKU: a.SKU, GTIN: a.GTIN, Serial: a.Serial, Name: a.Name, Quantity: a.Quantity, Unit: a.Unit,
		UnitPrice: *a.UnitPrice, OldPrice: a.OldPrice, Discount: a.Discount,
	}, nil
}

// resolveAll makes line items of what a sale is opened with.
func (t *Till) resolveAll(ctx context.Context, list []sale.Add) ([]sale.NewItem, error) {
	items := make([]sale.NewItem, 0, len(list))
	if len(list) > sale.MaxLines {
		return nil, problem(sale.CodeTooManyLines, "items", "商品行过多", "too many items")
	}
	for _, a := range list {
		if a.Code == "" {
			n, err := t.newItem(a)
			if err != nil {
				return nil, err
			}
			items = append(items, n)
			continue
		}
		if err := onlyCode(a); err != nil {
			return nil, err
		}
		k := t.classify("", []byte(a.Code))
		found, err := t.find(ctx, k, "")
		if err != nil {
			return nil, err
		}
		if found.kind != code.Product || found.handover != "" {
			return nil, problem(sale.CodeInvalid, "items", "开单时只能添加商品条码", "only product codes can be added when a sale is opened")
		}
		if err := found.want(k, a); err != nil {
			return nil, err
		}
		items = append(items, found.items...)
	}
	return items, nil
}
