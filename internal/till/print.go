package till

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tilld/internal/sale"
	"tilld/printer"
	"tilld/queue"
)

// Limits of print jobs asked for from outside.
const (
	maxJobID  = 128
	maxMarkup = 128 << 10
	maxRaw    = 512 << 10
	// maxBacklog bounds the jobs that wait for one printer.
	maxBacklog = 500
	// jobLife is how long a job asked for from outside may wait for its printer if
	// it does not say; receipts of sales wait as long as it takes.
	jobLife    = 24 * time.Hour
	maxJobLife = 7 * 24 * time.Hour
)

// receiptJob adds a sale's receipt, or a refund's, to the commit.
func (x *txn) receiptJob(p sale.Print) {
	doc := x.t.receiptDoc(p.Sale, p.Refund, false)
	x.queueJob(printer.Job{
		ID: p.JobID, Printer: x.t.o.ReceiptPrinter, Doc: doc, Personal: p.Refund == nil && isPersonal(p.Sale), SaleID: p.Sale.ID, Origin: "sale",
	})
}

// print takes one document, once per job id.
func (t *Till) print(ctx context.Context, c Call, r PrintRequest) (Answer, error) {
	nameless := r.JobID == ""
	if !nameless && !plainID(r.JobID) {
		return Answer{}, problem(sale.CodeInvalid, "job_id", "任务编号为 1 至 128 个可见字符", "job_id must have 1 to 128 visible characters")
	}
	if ownID(r.JobID) {
		return Answer{}, problem(sale.CodeInvalid, "job_id", "该任务编号由收银机保留", "job ids with /receipt, /refund/, /copy-, "+zJob+", "+namelessID+" and "+foreignID+" are the till's own")
	}
	life := jobLife
	if r.TTL != nil {
		life = time.Duration(*r.TTL) * time.Second
		if *r.TTL < 1 || life > maxJobLife {
			return Answer{}, problem(sale.CodeInvalid, "ttl_s", "有效时间为 1 至 604800 秒", "ttl_s is 1 to 604,800 seconds")
		}
	}
	name := firstText(r.Printer, t.o.ReceiptPrinter)
	if !t.hasPrinter(name) {
		return Answer{}, problem(sale.CodeNoPrinter, "printer", "没有这台打印机", "there is no such printer")
	}
	j := printer.Job{ID: r.JobID, Printer: name, SaleID: r.Receipt, Origin: c.Origin, Nameless: nameless}
	if err := t.fillJob(&j, r); err != nil {
		return Answer{}, err
	}
	j.Digest = digest(j)
	if r.Receipt != "" { // what is at its foot may change before the client asks again
		j.Digest = digest(printer.Job{Printer: name, Doc: printer.Doc{printer.Text{Line: "receipt of " + r.Receipt}}})
	}
	return t.enqueue(ctx, c, j, life)
}

// fillJob makes the content of what was asked for; exactly one form is given.
func (t *Till) fillJob(j *printer.Job, r PrintRequest) error {
	given := 0
	for _, is := range []bool{r.Receipt != "", r.Markup != "", len(r.Escpos) > 0} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return problem(sale.CodeInvalid, "markup", "receipt、markup、escpos_base64 只能给一个", "give exactly one of receipt, markup and escpos_base64")
	case r.Receipt != "":
		s, err := t.Sale(r.Receipt)
		if err != nil {
			return err
		}
		if s.Number == 0 {
			return problem(sale.CodeWrongState, "receipt", "这笔销售还没有小票", "the sale has no receipt yet")
		}
		t.mu.Lock()
		j.Doc = t.receiptDoc(s, nil, true) // the original was printed when the sale closed
		t.mu.Unlock()
		j.CopyOf, j.Personal = s.ID+"/receipt", isPersonal(s)
	case r.Markup != "":
		doc, err := t.markup(r.Markup)
		if err != nil {
			return err
		}
		j.Doc, j.Personal = doc, true // what others print may name a shopper
	case len(r.Escpos) > maxRaw:
		return problem(sale.CodeInvalid, "escpos_base64", "打印数据过大", "escpos_base64 has at most 512 KiB")
	default:
		j.Raw, j.Personal = r.Escpos, true
	}
	return nil
}

// markup reads ReceiptLine. It cannot open the drawer, whatever it says.
func (t *Till) markup(src string) (printer.Doc, error) {
	if t.o.Markup == nil {
		return nil, problem(sale.CodeUnavailable, "markup", "不支持排版打印", "markup is not supported")
	}
	if len(src) > maxMarkup || !utf8.ValidString(src) {
		return nil, problem(sale.CodeInvalid, "markup", "排版内容过大或不是 UTF-8", "markup has at most 128 KiB of UTF-8")
	}
	doc, err := t.o.Markup(src)
	if err != nil {
		return nil, problem(sale.CodeInvalid, "markup", "排版有误："+clip(err.Error(), 160), clip(err.Error(), 160))
	}
	return slices.DeleteFunc(doc, func(b printer.Block) bool { _, is := b.(printer.OpenDrawer); return is }), t.checkDoc(doc)
}

// enqueue commits a job; one whose id and content were seen before is answered
// as it stands, another content under the same id is a conflict.
func (t *Till) enqueue(ctx context.Context, c Call, j printer.Job, life time.Duration) (Answer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	old, err := t.known(&j)
	switch {
	case err != nil:
		return Answer{}, err
	case old != nil && old.Digest != j.Digest:
		return Answer{}, problem(sale.CodeJobConflict, "job_id", "这个任务编号已用于其他内容", "this job_id was used for another document")
	case old != nil:
		return x.answer(c, false, answerOf(*old)), nil
	case t.waiting(j.Printer) >= maxBacklog:
		return Answer{}, problem(sale.CodeRateLimited, "printer", "打印任务积压过多", "too many jobs wait for this printer")
	}
	j.Expires = x.at.Add(life)
	queued := x.queueJob(j)
	if j.CopyOf != "" {
		x.reprinted(*queued, "", "")
	}
	answer := x.answer(c, true, answerOf(*queued))
	return answer, x.commit(ctx)
}

// namelessID begins the ids of jobs whose clients give none.
const namelessID = "auto-"

// known returns the job that j is already, nil when it is new; a new one without
// an id gets one. mu is held.
//
// A client without ids that tries again means the job it sent before, as long as
// nobody knows what became of that: queued, being sent, or unknown and neither
// copied by a person nor older than its time to live. After that equal requests
// are two jobs.
func (t *Till) known(j *printer.Job) (*printer.Job, error) {
	if !j.Nameless {
		return t.job(j.ID)
	}
	j.ID = fmt.Sprintf("%s%d", namelessID, t.rec.JobSeq+1)
	old, err := t.jobAt("same/" + j.Digest)
	if err != nil || old == nil {
		return nil, err
	}
	unresolved := !old.Outcome.Done()
	if old.Outcome == printer.Uncertain && t.now().Before(old.Expires) {
		first, err := t.copyID(old.ID)
		if err != nil {
			return nil, err
		}
		unresolved = strings.HasSuffix(first, "/copy-1")
	}
	if !unresolved {
		return nil, nil
	}
	return old, nil
}

func (t *Till) waiting(name string) (n int) {
	for _, j := range t.spool.open {
		if j.Printer == name {
			n++
		}
	}
	return n
}

// reprintSale prints a marked copy of a sale's receipt.
func (t *Till) reprintSale(ctx context.Context, c Call, cmd sale.Reprint) (Answer, error) {
	if t.o.ReceiptPrinter == "" {
		return Answer{}, problem(sale.CodeNoPrinter, "", "没有小票打印机", "there is no receipt printer")
	}
	if err := checkNote(cmd.Reason, cmd.Cashier); err != nil {
		return Answer{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.machine.Sale(cmd.Sale)
	if !ok {
		var err error
		if s, err = t.stored(cmd.Sale); err != nil {
			return Answer{}, err
		}
	}
	if s.Number == 0 {
		return Answer{}, problem(sale.CodeWrongState, "", "这笔销售还没有小票", "the sale has no receipt yet")
	}
	id, err := t.copyID(s.ID + "/receipt")
	if err != nil {
		return Answer{}, err
	}
	x := t.begin()
	queued := x.queueJob(printer.Job{
		ID: id, Printer: t.o.ReceiptPrinter, Doc: t.receiptDoc(s, nil, true), Personal: isPersonal(s), SaleID: s.ID,
		CopyOf: s.ID + "/receipt", Origin: c.Origin,
	})
	x.reprinted(*queued, cmd.Reason, cmd.Cashier)
	answer := x.answer(c, false, s)
	return answer, x.commit(ctx)
}

// copyID is the next free id of a copy: "<job id>/copy-1", "-2" …
func (t *Till) copyID(jobID string) (string, error) {
	for n := 1; n <= 1000; n++ {
		id := fmt.Sprintf("%s/copy-%d", jobID, n)
		taken := false
		err := t.o.Store.View(func(tx *queue.Tx) error {
			v, err := tx.Get(queue.Prints, []byte("id/"+id))
			taken = v != nil
			return err
		})
		if err != nil || !taken {
			return id, err
		}
	}
	return "", problem(sale.CodeRateLimited, "", "重打次数过多", "too many copies of this job")
}

// reprintJob prints a marked copy of a print job.
func (t *Till) reprintJob(ctx context.Context, c Call, cmd ReprintJob) (Answer, error) {
	if err := checkNote(cmd.Reason, cmd.Cashier); err != nil {
		return Answer{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	j, err := t.job(cmd.JobID)
	switch {
	case err != nil:
		return Answer{}, err
	case j == nil:
		return Answer{}, problem(sale.CodeUnknownJob, "job_id", "没有这个打印任务", "there is no such print job")
	case !j.Outcome.Done():
		return Answer{}, problem(sale.CodeWrongState, "job_id", "任务还没有打印完", "the job is not done yet")
	case len(j.Doc) == 0 && j.Raw == nil:
		return Answer{}, problem(sale.CodeUnavailable, "job_id", "任务内容已清除", "the job's content is no longer kept")
	}
	root := firstText(j.CopyOf, j.ID)
	id, err := t.copyID(root)
	if err != nil {
		return Answer{}, err
	}
	doc := j.Doc
	switch {
	case j.CopyOf != "":
	case j.Raw != nil:
		doc = asCopy(nil) // the head of the bytes
	default:
		doc = asCopy(doc)
	}
	x := t.begin()
	queued := x.queueJob(printer.Job{ID: id, Printer: j.Printer, Doc: doc, Raw: j.Raw, Personal: j.Personal, SaleID: j.SaleID, CopyOf: root, Origin: c.Origin})
	x.reprinted(*queued, cmd.Reason, cmd.Cashier)
	answer := x.answer(c, true, answerOf(*queued))
	return answer, x.commit(ctx)
}

// ReceiptDoc is the receipt of a closed sale, or of a refund, as it would be
// printed now. id is the sale's or the refund's; a sale that only stands for
// goods of another till has the receipt of its refund.
func (t *Till) ReceiptDoc(id string) (printer.Doc, error) {
	s, err := t.Sale(id)
	if p, ok := errors.AsType[*sale.Problem](err); ok && p.Code == sale.CodeUnknownSale {
		if s, ok = t.saleOfRefund(id); ok {
			err = nil
		}
	}
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, r := range s.Refunds {
		if r.Number > 0 && (r.ID == id || s.RefundOf != "") {
			return t.receiptDoc(s, &s.Refunds[i], false), nil
		}
	}
	if s.Number == 0 {
		return nil, problem(sale.CodeWrongState, "", "这笔销售还没有小票", "the sale has no receipt yet")
	}
	return t.receiptDoc(s, nil, false), nil
}

// saleOfRefund finds the sale that a refund with a number belongs to.
func (t *Till) saleOfRefund(id string) (s sale.Sale, ok bool) {
	if !plainID(id) {
		return s, false
	}
	err := t.o.Store.View(func(tx *queue.Tx) error {
		v, err := tx.Get(queue.Index, []byte(refundKey(id)))
		if err != nil || v == nil {
			return err
		}
		s, err = t.readSale(tx, string(v))
		return err
	})
	return s, err == nil && s.ID != ""
}

// kickDrawer opens the cash drawer, at a till that has one.
func (t *Till) kickDrawer(ctx context.Context) {
	if t.o.ReceiptPrinter == "" || t.o.KickDrawer == nil {
		return
	}
	if err := t.openNow(ctx); err != nil {
		t.log.Warn("the cash drawer did not open", "err", err)
		t.o.Health.Raise(condDrawer, "drawer", "err", err.Error())
		return
	}
	t.o.Health.Clear(condDrawer, "drawer")
}

func (t *Till) openNow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drawerTime)
	defer cancel()
	return t.o.KickDrawer(ctx)
}

// plainID reports whether a job id is sound.
func plainID(id string) bool {
	if id == "" || len(id) > maxJobID {
		return false
	}
	for _, r := range id {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return true
}

// ownID reports whether a job id is one that only the till gives.
func ownID(id string) bool {
	return strings.HasSuffix(id, "/receipt") || strings.Contains(id, "/copy-") || strings.Contains(id, "/refund/") ||
		slices.ContainsFunc([]string{namelessID, foreignID, zJob}, func(p string) bool { return strings.HasPrefix(id, p) })
}
