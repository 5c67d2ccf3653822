//go:build rig

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// paper is a USB receipt printer made with FunctionFS: it takes bytes, answers
// the questions of ESC/POS, and can be told to take no more.
type paper struct {
	t   *T
	g   *gadget
	dir string
	ep0 *os.File

	mu     sync.Mutex
	all    []byte
	seen   int // up to where questions were looked for
	paused bool
	ended  bool
	wake   *sync.Cond
	out    chan []byte
	done   sync.WaitGroup
}

// printer class, two bulk endpoints of up to 64 or 512 bytes.
func printerInterface(size byte) []byte {
	return []byte{
		9, 4, 0, 0, 2, 7, 1, 2, 1,
		7, 5, 0x01, 2, 0, size, 0,
		7, 5, 0x82, 2, 0, size, 0,
	}
}

func newPaper(t *T, socket int, vid, pid, serial string) *paper {
	p := &paper{t: t, g: newGadget(t, socket, vid, pid, serial, function{name: "ffs"}), out: make(chan []byte, 1000)}
	p.wake = sync.NewCond(&p.mu)
	name := filepath.Base(p.g.dir) + "0"
	p.dir = "/run/" + name
	t.ok(os.MkdirAll(p.dir, 0o755))
	t.ok(unix.Mount(name, p.dir, "functionfs", 0, ""))
	t.Cleanup(p.close)
	var err error
	p.ep0, err = os.OpenFile(p.dir+"/ep0", os.O_RDWR, 0)
	t.ok(err)
	full, high := printerInterface(0), printerInterface(2)
	full[13], full[14], full[20], full[21] = 64, 0, 64, 0
	words := func(n ...uint32) []byte {
		var b []byte
		for _, v := range n {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		return b
	}
	body := append(append(words(3, 3), full...), high...)
	_, err = p.ep0.Write(append(words(3, uint32(len(body)+12), 3), body...)) // magic, length, full and high speed
	t.ok(err)
	text := append([]byte{9, 4}, "Receipt\x00"...)
	_, err = p.ep0.Write(append(words(2, uint32(len(text)+16), 1, 1), text...))
	t.ok(err)
	go p.control()
	p.done.Go(p.read)
	p.done.Go(p.write)
	return p
}

// control answers what the kernel asks a printer about itself.
func (p *paper) control() {
	id := "MFG:Rig;MDL:Receipt;CLS:PRINTER;"
	event := make([]byte, 12)
	for {
		if n, err := p.ep0.Read(event); err != nil || n < len(event) {
			return
		}
		const setup = 4
		if event[8] != setup {
			continue
		}
		switch event[1] {
		case 0: // GET_DEVICE_ID
			p.ep0.Write(append([]byte{0, byte(len(id) + 2)}, id...))
		case 1: // GET_PORT_STATUS
			p.ep0.Write([]byte{0x18})
		default:
			p.ep0.Read(nil)
		}
	}
}

// endpoint opens an endpoint once the cable is in; -1 when the check is over.
func (p *paper) endpoint(name string) int {
	for !p.over() {
		if fd, err := unix.Open(p.dir+"/"+name, unix.O_RDWR|unix.O_NONBLOCK, 0); err == nil {
			return fd
		}
		time.Sleep(10 * time.Millisecond)
	}
	return -1
}

func (p *paper) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

func (p *paper) read() {
	fd := p.endpoint("ep1")
	if fd < 0 {
		return
	}
	defer unix.Close(fd)
	b := make([]byte, 512) // a packet
	for {
		p.mu.Lock()
		for p.paused && !p.ended {
			p.wake.Wait()
		}
		ended := p.ended
		p.mu.Unlock()
		if ended {
			return
		}
		n, err := unix.Read(fd, b)
		if err != nil { // unplugged
			time.Sleep(10 * time.Millisecond)
			continue
		}
		p.mu.Lock()
		p.all = append(p.all, b[:n]...)
		answers := p.answer()
		p.mu.Unlock()
		if len(answers) > 0 {
			p.out <- answers
		}
	}
}

func (p *paper) write() {
	fd := p.endpoint("ep2")
	if fd < 0 {
		return
	}
	defer unix.Close(fd)
	for b := range p.out {
		unix.Write(fd, b) // lost when unplugged
	}
}

func (p *paper) close() {
	p.pause(false)
	p.mu.Lock()
	p.ended = true
	p.wake.Broadcast()
	p.mu.Unlock()
	if p.g.in {
		p.g.unplug()
	}
	close(p.out)
	p.done.Wait()
	p.ep0.Close()
	p.t.wait("the printer's file system is free", 60*time.Second, func() bool { return unix.Unmount(p.dir, 0) == nil })
}

// answer looks for questions in what came since the last time.
func (p *paper) answer() []byte {
	var out []byte
	for p.seen < len(p.all) {
		rest := p.all[p.seen:]
		switch {
		case partial(rest):
			return out
		case bytes.HasPrefix(rest, []byte{0x10, 0x04}):
			out = append(out, 0x12)
			p.seen += 3
		case bytes.HasPrefix(rest, []byte{0x1d, 'r'}):
			out = append(out, 0)
			p.seen += 3
		default:
			p.seen++
		}
	}
	return out
}

// partial: the bytes may be the beginning of a question.
func partial(b []byte) bool {
	for _, head := range []string{"\x10\x04", "\x1dr"} {
		if len(b) < 3 && strings.HasPrefix(head, string(b[:min(len(b), 2)])) {
			return true
		}
	}
	return false
}

func (p *paper) pause(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = on
	p.wake.Broadcast()
}

// count is how often a text is on the paper.
func (p *paper) count(text string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Count(p.all, []byte(text))
}

const usblpPrinter = "\n  - {name: printer-1, kind: printer, driver: escpos, address: \"usblp://usb/0416:5011\", options: {profile: generic-80mm}}"

const (
	row  = "0123456789012345678901234567890\n"
	long = 6000 // rows: more than all buffers hold
)

var outcomes = []string{"confirmed", "sent", "failed", "unknown"}

// checkPrinterJob: a receipt arrives whole; one that waits for its printer is
// printed once; one that is cut off is unknown and not printed again.
func checkPrinterJob(t *T) {
	p := newPaper(t, 0, "0416", "5011", "P1")
	p.g.plug()
	a := start(t, usblpPrinter)
	a.is("printer-1", "ready", 30*time.Second)
	a.print(t, "whole", "FIRST LINE\n"+strings.Repeat(row, 100)+"LAST LINE\n")
	j := a.settled("whole", 30*time.Second, outcomes...)
	t.Logf("a whole receipt: %+v", j)
	if j.Outcome != "confirmed" || p.count("FIRST LINE") != 1 || p.count("LAST LINE") != 1 || p.count(row) != 100 {
		t.Errorf("%+v; on paper: first %d, lines %d, last %d", j, p.count("FIRST LINE"), p.count(row), p.count("LAST LINE"))
	}

	mark := a.mark()
	p.g.unplug()
	a.state(mark, "printer-1", "absent", 30*time.Second)
	a.print(t, "waits", "WAITED\n")
	if o := a.job("waits").Outcome; o != "queued" {
		t.Errorf("a job for a printer that is unplugged is %s", o)
	}
	mark = a.mark()
	at := p.g.plug()
	t.Figure("in service %v after the plug", a.state(mark, "printer-1", "ready", 30*time.Second).at.Sub(at).Round(time.Millisecond))
	j = a.settled("waits", 30*time.Second, outcomes...)
	if j.Outcome != "confirmed" || p.count("WAITED") != 1 {
		t.Errorf("the job that waited: %+v, printed %d times", j, p.count("WAITED"))
	}

	a.print(t, "torn", "TORN BEGINS\n"+strings.Repeat(row, long)+"TORN ENDS\n")
	t.wait("it prints", 60*time.Second, func() bool { return p.count("TORN BEGINS") == 1 })
	mark = a.mark()
	at = p.g.unplug()
	t.Figure("absent %v after the pull in the middle of a job", a.state(mark, "printer-1", "absent", 30*time.Second).at.Sub(at).Round(time.Millisecond))
	j = a.settled("torn", 10*time.Second, outcomes...)
	t.Logf("the torn job: %+v", j)
	if j.Outcome != "unknown" {
		t.Errorf("a job that was cut off is %+v", j)
	}
	mark = a.mark()
	p.g.plug()
	a.state(mark, "printer-1", "ready", 30*time.Second)
	a.print(t, "next", "NEXT ONE\n")
	j = a.settled("next", 60*time.Second, outcomes...)
	if j.Outcome != "confirmed" || p.count("NEXT ONE") != 1 || p.count("TORN BEGINS") != 1 || p.count("TORN ENDS") != 0 {
		t.Errorf("after the torn job: %+v; next printed %d times, torn begun %d and ended %d times", j, p.count("NEXT ONE"), p.count("TORN BEGINS"), p.count("TORN ENDS"))
	}
	if j = a.job("torn"); j.Outcome != "unknown" {
		t.Errorf("the torn job became %+v", j)
	}
}

// checkPrinterStuck: a printer that reads nothing does not hold up a scanner or
// the agent's stop, on any cable.
func checkPrinterStuck(t *T) {
	p := newPaper(t, 0, "0416", "5011", "P1")
	s := newGadget(t, 1, "0c2e", "0901", "S1", acm)
	c := newGadget(t, 2, "1a86", "7523", "P2", acm) // nobody reads at its end
	p.g.plug()
	s.plug()
	c.plug()
	a := start(t, usblpPrinter+fmt.Sprintf(lineScanner, "scanner-1", "serial://usb/0C2E:0901/S1?baud=9600")+
		"\n  - {name: printer-2, kind: printer, driver: escpos, address: \"serial://usb/1A86:7523/P2?baud=115200\", options: {status: none, confirm: none}}")
	for _, name := range []string{"printer-1", "scanner-1", "printer-2"} {
		a.is(name, "ready", 30*time.Second)
	}
	a.print(t, "stuck", strings.Repeat(row, long))
	t.wait("it prints", 60*time.Second, func() bool { return p.count(row) > 0 })
	p.pause(true)
	a.printOn(t, "printer-2", "stuck-2", strings.Repeat(row, long))
	time.Sleep(2 * time.Second) // buffers fill
	far := s.far("acm", 0)
	var waits []time.Duration
	for i := range 5 {
		at := time.Now()
		send(t, far, code(i))
		waits = append(waits, a.scan(code(i), 30*time.Second).at.Sub(at))
	}
	t.Figure("a scan beside two printers that are stuck: %s", spread(waits))
	mark := a.mark()
	at := c.unplug()
	t.Figure("stuck on cdc_acm, absent %v after the pull", a.state(mark, "printer-2", "absent", 30*time.Second).at.Sub(at).Round(time.Millisecond))
	mark = a.mark()
	at = c.plug()
	t.Figure("stuck on cdc_acm, in service %v after the plug", a.state(mark, "printer-2", "ready", 30*time.Second).at.Sub(at).Round(time.Millisecond))
	a.printOn(t, "printer-2", "stuck-3", strings.Repeat(row, long))
	time.Sleep(time.Second)
	t.Figure("stop beside two printers that are stuck: %v", a.stop().Round(time.Millisecond))
	p.pause(false)
	a.run()
	j := a.settled("stuck", 30*time.Second, outcomes...)
	t.Logf("after the restart: %+v", j)
	if j.Outcome != "unknown" {
		t.Errorf("%+v", j)
	}
}
