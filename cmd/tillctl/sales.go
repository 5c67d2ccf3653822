package main

import (
	"fmt"
	"net/url"
	"os"
	"strconv"
	"text/tabwriter"
	"time"
)

type saleRow struct {
	ID       string
	Number   int
	State    string
	Total    int64
	Currency string
	Cashier  string
	OpenedAt time.Time `json:"opened_at"`
	Receipt  *struct {
		JobID   string `json:"job_id"`
		Outcome string
	}
}

type salesCmd struct {
	From   string `help:"Opened at or after: a day or an RFC 3339 time." placeholder:"T"`
	To     string `help:"Opened before." placeholder:"T"`
	State  string `help:"open paying paid closed void refunded parked" placeholder:"S"`
	Amount string `help:"Exact total in minor units." placeholder:"N"`
	Text   string `help:"In names, SKUs, external ids, cashiers." placeholder:"TEXT"`
	Limit  int    `help:"Rows." default:"20"`
}

func (c salesCmd) Run(s *session) error {
	q := url.Values{"limit": {strconv.Itoa(c.Limit)}}
	for key, value := range map[string]string{"from": c.From, "to": c.To, "state": c.State, "amount": c.Amount, "text": c.Text} {
		if value != "" {
			q.Set(key, value)
		}
	}
	var v struct{ Sales []saleRow }
	return s.show("/v1/sales?"+q.Encode(), &v, func() {
		w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		for _, r := range v.Sales {
			outcome := "-"
			if r.Receipt != nil {
				outcome = r.Receipt.Outcome
			}
			fmt.Fprintf(w, "%s\t%d\t%s\t%d %s\t%s\t%s\treceipt %s\n", r.ID, r.Number, r.State, r.Total, r.Currency, r.OpenedAt.Format(time.RFC3339), safe(r.Cashier), outcome)
		}
		w.Flush()
	})
}

type receiptCmd struct {
	Sale    string `arg:"" help:"Sale id; for the picture also a refund's."`
	PNG     string `help:"Write the picture to this file." placeholder:"FILE" name:"png"`
	Reprint bool   `help:"Print a copy, marked COPY."`
}

func (c receiptCmd) Run(s *session) error {
	id := url.PathEscape(c.Sale)
	switch {
	case c.PNG != "":
		body, err := s.api.get("/v1/receipts/" + id + ".png")
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.PNG, body, 0o600); err != nil {
			return err
		}
		return s.wrote(c.PNG)
	case c.Reprint:
		body, err := s.api.post("/v1/sales/" + id + "/reprint")
		if err != nil {
			return err
		}
		return s.job(body)
	}
	body, err := s.api.get("/v1/print/" + id + "/receipt")
	if err != nil {
		return err
	}
	return s.job(body)
}

func (s *session) job(body []byte) error {
	var v struct {
		JobID    string `json:"job_id"`
		Outcome  string
		Evidence string
		Reason   string
	}
	return s.print(body, &v, func() { fmt.Fprintf(s.out, "%s: %s %s %s\n", v.JobID, v.Outcome, v.Evidence, safe(v.Reason)) })
}
