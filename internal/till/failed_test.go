package till_test

import (
	"context"
	"testing"

	"tilld/internal/sale"
	"tilld/queue"
)

// When a commit fails nobody knows what is on the disk, and the disk decides: what
// the till says afterwards is what it would say after a restart. The disk is
// changed behind its back here, as a write does that was done and reported failed.
func TestFailedCommitFollowsTheDisk(t *testing.T) {
	r := newRig(t)
	s := r.open()
	var before []byte
	err := r.store.View(func(tx *queue.Tx) (err error) { before, err = tx.Get(queue.Sales, []byte(s.ID)); return err })
	if err != nil || len(before) == 0 {
		t.Fatalf("%d bytes of the sale, %v", len(before), err)
	}
	if more := r.do(sale.AddItem{Sale: s.ID, Add: sale.Add{SKU: "x", Name: "X", UnitPrice: money(100)}}); len(more.Items) != len(s.Items)+1 {
		t.Fatalf("%d items, want one more than %d", len(more.Items), len(s.Items))
	}
	err = r.store.Update(context.Background(), func(tx *queue.Tx) error { return tx.Put(queue.Sales, []byte(s.ID), before) })
	if err != nil {
		t.Fatal(err)
	}

	r.broken.Store(true)
	if _, err := r.try(sale.VoidSale{Sale: s.ID, Reason: "changed their mind"}); err == nil {
		t.Fatal("a commit without its event succeeds")
	}
	r.broken.Store(false)
	if got := r.sale(s.ID); got.State != sale.Open || len(got.Items) != len(s.Items) || got.Total != s.Total {
		t.Errorf("after the failed commit %s, %d items, %d; on the disk %s, %d, %d", got.State, len(got.Items), got.Total, s.State, len(s.Items), s.Total)
	}
	if list := r.health.List("en"); len(list) == 0 || list[0].Code != "commit_failed" {
		t.Errorf("conditions %+v", list)
	}
	if got := r.do(sale.VoidSale{Sale: s.ID, Reason: "changed their mind"}); got.State != sale.Void || len(got.Items) != len(s.Items) {
		t.Errorf("voided: %+v", got)
	}
}
