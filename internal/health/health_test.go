package health_test

import (
	"testing"
	"testing/synctest"
	"time"

	"tilld/internal/health"
	"tilld/internal/lang"
)

var (
	paper = health.Kind{
		Code: "paper_out", Severity: health.Error,
		Text: lang.Text{ZH: "{subject} 缺纸", EN: "{subject} is out of paper"},
	}
	slow = health.Kind{Code: "slow", Severity: health.Warning, Text: lang.Text{ZH: "{ms} 毫秒", EN: "{ms} ms"}}
)

func TestBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b health.Board
		changed := b.Changed()
		b.Raise(slow, "disk", "ms", "80")
		<-changed
		start := time.Now()
		time.Sleep(time.Second)
		b.Raise(slow, "disk", "ms", "90")
		b.Raise(paper, "printer-1")
		got := b.List(lang.ZH)
		if len(got) != 2 || got[0].Text != "printer-1 缺纸" || got[1].Text != "90 毫秒" {
			t.Fatalf("list is %+v, want the error first and the newest arguments", got)
		}
		if !got[1].Since.Equal(start) {
			t.Errorf("since %v, want the first raise %v", got[1].Since, start)
		}
		same := b.Changed()
		b.Raise(paper, "printer-1")
		select {
		case <-same:
			t.Error("raising what is up already is a change")
		default:
		}
		b.ClearSubject("printer-1")
		<-same
		b.Clear(slow, "disk")
		if n := len(b.List(lang.EN)); n != 0 {
			t.Errorf("%d left", n)
		}
	})
}
