package till

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"tilld/internal/offlinepay"
	"tilld/internal/sale"
)

// OfflinePay is how the till is paid while it has no link (docs/offline-pay.md).
// [Options].Till.Number is the till's number in it, [Options].Sign makes the
// requests' signatures.
type OfflinePay struct {
	Prefix    string        // of the address in the code, upper case
	KeyGen    uint8         // generation of the till's key
	MaxAmount sale.Money    // the most that one request asks for
	MaxCount  int           // payments per spell without a link
	MaxKeyAge time.Duration // since the cloud's keys were put in place
	// Keys returns the cloud's keys for proofs and when they were put in place.
	// It may read a file; it is called without a lock held.
	Keys func() (offlinepay.Keys, time.Time, error)
	// Codes is the short code that may take a proof's place; nil: it may not.
	Codes *PayCodes
}

// maxNonceTries bounds the search for a nonce that this till has not used; with
// 64 random bits the first is one.
const maxNonceTries = 4

// payOffline shows a pay code of the till's own making.
func (t *Till) payOffline(ctx context.Context, c Call, cmd sale.Pay) (Answer, error) {
	o := t.o.Offline
	keys, err := t.proofKeys()
	if err != nil {
		return Answer{}, offlineRefused("离线收款不可用（云端公钥缺失或过期），请收现金", "payment while offline is not possible: the cloud's keys are missing or too old; take cash")
	}
	newest, _ := keys.Newest()
	codes := t.codeKeys()
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	s, ok := x.m.Sale(cmd.Sale)
	if !ok {
		return Answer{}, x.t.ended(sale.PaymentStarted{Sale: cmd.Sale}, problem(sale.CodeUnknownSale, "", "没有这笔销售，或它已经结束", "there is no such sale, or it has ended"))
	}
	amount := s.Due()
	if cmd.Amount != nil {
		amount = *cmd.Amount
	}
	if amount > o.MaxAmount {
		most := o.MaxAmount.Decimal(t.o.Currency)
		return Answer{}, offlineRefused("离线时每次最多收款 "+most+"，请收现金", "while there is no link at most "+most+" can be asked for; take cash")
	}
	if x.rec.Offline+t.openOffline(cmd.Sale) >= o.MaxCount {
		return Answer{}, offlineRefused("离线收款笔数已达上限，请收现金或等待网络恢复", "the limit of payments without a link is reached; take cash, or wait for the link")
	}
	nonce, err := t.freshNonce()
	if err != nil {
		return Answer{}, err
	}
	id := sale.OfflineID(t.o.Till.Number, nonce)
	e := sale.OfflineStarted{
		At: x.at, Sale: cmd.Sale, PaymentID: id, Nonce: fmt.Sprintf("%016x", nonce), Amount: amount, TTL: t.qrTTL(),
	}
	if amount > 0 && amount <= o.MaxAmount { // else the step says what is wrong
		r := t.request(nonce, newest, s.ID, amount, x.at)
		if codes != nil && x.announces(cmd.Sale, amount) {
			r.Flags = codes.Announce(r.Flags)
			e.Request = hex.EncodeToString(r.Body())
		}
		e.Text = r.Text(o.Prefix, t.o.Sign)
	}
	if err := x.step(e); err != nil {
		return Answer{}, err
	}
	x.index("payment/"+id, cmd.Sale)
	t.stage.disarm()
	x.after = append(x.after, func() { t.pursue(id, "") })
	answer := x.answer(c, false, x.sale())
	return answer, x.commit(ctx)
}

// offlineRefused is link_down with the reason why there is no way around it.
func offlineRefused(zh, en string) *sale.Problem {
	return problem(sale.CodeLinkDown, "", "网络中断；"+zh, "there is no link to the cloud; "+en)
}

// request is the body of PR1.
func (t *Till) request(nonce uint64, newest uint8, saleID string, amount sale.Money, at time.Time) offlinepay.Request {
	currency, _ := offlinepay.CurrencyNumber(t.o.Currency)
	r := offlinepay.Request{
		Flags: offlinepay.Offline, Till: t.o.Till.Number, KeyGen: t.o.Offline.KeyGen, CloudKey: newest, Nonce: nonce,
		Amount: uint32(amount), Currency: currency, At: uint32(at.Unix()), TTL: ttlUnits(t.qrTTL()), Sale: sale.OfflineReference(saleID),
	}
	if t.o.ClockStatus != nil && t.o.ClockStatus().Trusted {
		r.Flags |= offlinepay.ClockTrusted
	}
	return r
}

// ttlUnits rounds a life up to the units of a request.
func ttlUnits(d time.Duration) uint8 {
	return uint8(min(255, max(1, (d+offlinepay.TTLUnit-1)/offlinepay.TTLUnit)))
}

// freshNonce draws a nonce that no request of this till ever had.
func (t *Till) freshNonce() (uint64, error) {
	for range maxNonceTries {
		var b [8]byte
		if _, err := rand.Read(b[:]); err != nil {
			return 0, fmt.Errorf("till: nonce: %w", err)
		}
		nonce := binary.BigEndian.Uint64(b[:])
		used, err := t.paymentSale(sale.OfflineID(t.o.Till.Number, nonce))
		if err != nil {
			return 0, err
		}
		if used == "" {
			return nonce, nil
		}
	}
	return 0, errors.New("till: nonce: the random source repeats itself")
}

// openOffline counts the requests of other sales that may still be paid.
func (t *Till) openOffline(except string) (n int) {
	for _, s := range t.machine.Waiting() {
		for _, p := range s.Unsettled() {
			if p.Offline && !p.Withdrawn && s.ID != except {
				n++
			}
		}
	}
	return n
}

// proofKeys are the cloud's keys for proofs, if there are any that are not too
// old; what is wrong with them is shown.
func (t *Till) proofKeys() (offlinepay.Keys, error) {
	o := t.o.Offline
	keys, since, err := o.Keys()
	switch age := t.now().Sub(since); {
	case err != nil:
	case len(keys) == 0:
		err = errors.New("there is none in cloud.trust_file")
	case o.MaxKeyAge > 0 && age > o.MaxKeyAge:
		err = fmt.Errorf("they were put in place %d days ago", int(age.Hours()/24))
	}
	if err != nil {
		t.o.Health.Raise(condProofKeys, "payment", "err", err.Error())
		return nil, err
	}
	t.o.Health.Clear(condProofKeys, "payment")
	return keys, nil
}

// spellOver begins the count of offline payments anew once there is a link.
func (x *txn) spellOver() {
	if (x.rec.Offline > 0 || x.rec.Codes.Taken > 0) && x.t.o.Cloud.Up() {
		x.rec.Offline, x.rec.Codes.Taken = 0, 0
	}
}

// returnsOffline reports whether the commit has money given back that came by a
// proof. Whether it is there to be given back only the cloud knows, so that
// wants a link.
func (x *txn) returnsOffline() bool {
	for _, e := range x.effects {
		if a, ok := e.(sale.Ask); ok && a.RefundID != "" && sale.IsOffline(a.PaymentID) {
			return true
		}
	}
	return false
}
