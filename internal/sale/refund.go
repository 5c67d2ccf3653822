package sale

// askRefund has the cloud give back what a refund owes through the payment side.
func (w *stepper) askRefund(s *Sale, r Refund) {
	for _, t := range r.Tenders {
		if t.PaymentID != "" {
			w.add(Ask{Type: "payment.refund", SaleID: s.ID, PaymentID: t.PaymentID, RefundID: r.ID, Amount: t.Amount})
		}
	}
}
