package displaytest

import (
	"time"

	"tilld/display"
)

// Scenes returns one scene of every kind, as a till shows them during a day.
func Scenes() []display.Scene {
	total := int64(14790)
	tea := []display.Line{
		{Line: 1, Name: "Oolong tea 250g", Quantity: "1", UnitPrice: 12800, Total: 12800},
		{Line: 2, Name: "苹果 Apple", Quantity: "0.735", Unit: "kg", UnitPrice: 2708, Total: 1990, Highlight: true},
	}
	scene := func(kind display.Kind, f func(*display.Scene)) display.Scene {
		s := display.Scene{Kind: kind, Currency: "CNY", Language: "en", Lines: []display.Line{}, Offers: []display.Offer{}, QR: []display.QR{}}
		f(&s)
		return s
	}
	balance := int64(1200)
	return []display.Scene{
		scene(display.Idle, func(s *display.Scene) { s.Title = "Good morning" }),
		scene(display.Basket, func(s *display.Scene) { s.Lines, s.Total = tea, &total }),
		scene(display.Paying, func(s *display.Scene) {
			s.Lines, s.Total = tea, &total
			s.Pay = &display.Pay{PaymentID: "p1", URL: "https://pay.example/p1", Amount: total - 1000, ExpiresAt: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
		}),
		scene(display.Processing, func(s *display.Scene) { s.Total = &total }),
		scene(display.Paid, func(s *display.Scene) {
			s.Total = &total
			s.Paid = &display.Receipt{Change: 210, Tenders: []display.Tender{{Method: "cash", Amount: 15000}}}
		}),
		scene(display.Failed, func(s *display.Scene) { s.Total = &total }),
		scene(display.Offers, func(s *display.Scene) {
			s.Offers = []display.Offer{{ID: "o1", Title: "10 % off coffee", Text: "2nd floor"}}
		}),
		scene(display.Member, func(s *display.Scene) {
			s.Paid = &display.Receipt{Member: &display.Membership{IDMasked: "13*****99", NameMasked: "W**", Level: "Gold"}, Points: &display.Points{Balance: &balance}}
		}),
		scene(display.Pickup, func(s *display.Scene) { s.Number, s.Lines = 42, tea }),
		scene(display.Message, func(s *display.Scene) { s.Text = "Please ask our staff about the tea ceremony" }),
		scene(display.ClosedTill, func(*display.Scene) {}),
	}
}
