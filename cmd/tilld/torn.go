package main

import (
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/scanner/torn"
)

// tornFor is how long the cashier is told that a code did not count, unless the
// scanner reads another one before.
const tornFor = 15 * time.Second

var condTorn = health.Kind{
	Code: "scan_again", Severity: health.Warning,
	Text:   lang.Text{ZH: "{subject} 有一个条码没有读完整，未计入", EN: "a code from {subject} was not whole and does not count"},
	Remedy: lang.Text{ZH: "请再扫一次；经常出现时请检查扫码枪的连接线", EN: "scan it again; if it happens often, check the scanner's cable"},
}

// tornCodes tells of codes that were cut off: a condition for the cashier's page
// and the status page, a bad beep, a figure.
type tornCodes struct {
	k     *kit
	count *prometheus.CounterVec

	mu   sync.Mutex
	over map[string]*time.Timer // takes the condition down, by device
}

func newTornCodes(k *kit) *tornCodes {
	return &tornCodes{k: k, over: map[string]*time.Timer{}, count: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tilld_scans_torn_total", Help: "Codes that did not count because they were cut off, or may have been the rest of one that was.",
	}, []string{"device"})}
}

// tell is called by a driver.
func (t *tornCodes) tell(device string) {
	t.count.WithLabelValues(device).Inc()
	t.mu.Lock()
	if timer := t.over[device]; timer != nil {
		timer.Reset(tornFor)
	} else {
		t.over[device] = time.AfterFunc(tornFor, func() { t.clear(device) })
	}
	t.k.a.health.Raise(condTorn, device)
	t.mu.Unlock()
	t.k.answer(device, false)
}

// clear takes the condition down.
func (t *tornCodes) clear(device string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if timer := t.over[device]; timer != nil {
		timer.Stop()
		delete(t.over, device)
		t.k.a.health.Clear(condTorn, device)
	}
}

// memory is what scanners' drivers remember of codes that were cut off.
func (t *tornCodes) memory() *torn.Memory {
	o := torn.Options{Dir: filepath.Join(t.k.a.cfg.DataDir, "torn"), Sold: t.k.a.till.Sold, Torn: t.tell, Log: t.k.log}
	if rules, err := codeRules(t.k.a.cfg.Codes); err == nil { // the engine reports what is wrong with them
		rules = rules.WithProofCodes()
		o.Rules = &rules
	}
	return torn.New(o)
}
