package till_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/internal/till"
)

// A machine that is switched on with its clock a year ahead takes the business
// day with it. That is said, first as a doubt, then by the cloud's time, until
// that day is over; the numbers of each day stay without a hole.
func TestClockAYearAhead(t *testing.T) {
	var clock, offset atomic.Int64 // unix ns, ns
	var trusted atomic.Bool
	clock.Store(time.Date(2026, 3, 14, 4, 0, 0, 0, time.UTC).UnixNano())
	r := newRig(t, func(o *till.Options) {
		o.Now = func() time.Time { return time.Unix(0, clock.Load()) }
		o.ClockStatus = func() till.ClockStatus {
			return till.ClockStatus{OffsetMS: offset.Load() / 1e6, Trusted: trusted.Load()}
		}
	})
	up := func(code string) string {
		for _, c := range r.health.List(lang.EN) {
			if c.Code == code {
				return c.Text + " / " + c.Remedy
			}
		}
		return ""
	}
	numbers := map[string]int{}
	sell := func(day string) {
		t.Helper()
		s := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
		numbers[s.Day]++
		if s.Day != day || s.Number != numbers[day] {
			t.Errorf("number %d of %s, want %d of %s", s.Number, s.Day, numbers[day], day)
		}
	}
	stands := func(why string, leapt, ahead bool) {
		t.Helper()
		r.until(why, func() bool { return (up("clock_leapt") != "") == leapt && (up("day_ahead") != "") == ahead })
	}
	move := func(d time.Duration) {
		clock.Add(int64(d))
		r.restart()
	}
	const year = 365 * 24 * time.Hour
	sell("2026-03-14")
	move(9 * 24 * time.Hour)
	sell("2026-03-23")
	stands("a week of holidays is no leap", false, false)

	move(year)
	stands("nobody has confirmed the year", true, false)
	sell("2027-03-23")
	r.restart()
	stands("still nobody, after a restart", true, false)
	offset.Store(int64(-year))
	trusted.Store(true)
	sell("2027-03-23")
	stands("the cloud has told the time", false, true)
	if text := up("day_ahead"); !strings.Contains(text, "2027-03-23") || !strings.Contains(text, "2026-03-23") || !strings.Contains(text, "till.till") {
		t.Error(text)
	}

	offset.Store(0)
	move(-year)
	sell("2027-03-23") // goes on without a hole
	stands("the clock is right, the day is not", false, true)
	move(24 * time.Hour)
	sell("2027-03-23")
	stands("and the next day neither", false, true)
	move(year)
	sell("2027-03-24")
	stands("that day is over", false, false)
	if n := strings.Count(r.log.String(), "has not come yet"); n == 0 || n > 4 {
		t.Errorf("said %d times", n) // once for each start
	}
}
