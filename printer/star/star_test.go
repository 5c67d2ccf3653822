package star_test

import (
	"encoding/json"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/printer"
	"tilld/printer/layout"
	"tilld/printer/printertest"
	"tilld/printer/star"
)

func spec(options string) device.Spec {
	return device.Spec{Name: "printer-1", Kind: device.Printer, Driver: "star", Options: json.RawMessage(options)}
}

func TestContract(t *testing.T) {
	for name, mute := range map[string]bool{"answers": false, "mute": true} {
		for _, language := range []string{"starprnt", "line"} {
			t.Run(language+" "+name, func(t *testing.T) {
				printertest.Contract(t, printertest.Driver{
					Open: func(t *testing.T, p device.Port) printer.Printer {
						d, err := star.Open(t.Context(), p, spec(`{"language": "`+language+`"}`))
						if err != nil {
							t.Fatal(err)
						}
						return d
					},
					New:   func() printertest.Virtual { return &printertest.Star{Mute: mute} },
					Tells: !mute,
					Dots:  true,
				})
			})
		}
	}
}

func TestEvidence(t *testing.T) {
	for _, c := range []struct {
		v       *printertest.Star
		options string
		want    printer.Evidence
	}{
		{&printertest.Star{}, `{}`, printer.ProcessID},
		{&printertest.Star{}, `{"language": "line"}`, printer.InOrder},
		{&printertest.Star{}, `{"language": "line", "confirm": "document"}`, printer.ProcessID},
		{&printertest.Star{}, `{"confirm": "none"}`, printer.StatusGood},
		{&printertest.Star{NoProof: true}, `{"language": "line", "confirm": "document"}`, printer.StatusGood},
		{&printertest.Star{Mute: true}, `{}`, printer.BytesTaken},
		{&printertest.Star{Mute: true}, `{"language": "line"}`, printer.BytesTaken},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, err := star.Open(t.Context(), c.v.Plug(t), spec(c.options))
			if err != nil {
				t.Fatal(err)
			}
			for i := range 70 { // the counter of ETB goes round twice
				r, err := d.Print(t.Context(), "job", printer.Doc{printer.Text{Line: "x"}})
				if err != nil || r != (printer.Result{Started: true, Evidence: c.want}) {
					t.Fatalf("%s, job %d: %+v, %v", c.options, i, r, err)
				}
			}
			err = d.(device.Tester).Test(t.Context())
			synctest.Wait()
			if err != nil || c.v.Cuts() != 1 {
				t.Errorf("test page: %v, %d cuts", err, c.v.Cuts())
			}
		})
	}
}

// The drawer opens between two pictures of a receipt that is being sent.
func TestDrawerOpensWhileALongReceiptIsSent(t *testing.T) {
	for _, language := range []string{"starprnt", "line"} {
		synctest.Test(t, func(t *testing.T) {
			v := &printertest.Star{}
			d, err := star.Open(t.Context(), printertest.SlowLine(t, v.Plug(t), 19200), spec(`{"language": "`+language+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			doc := append(slices.Repeat(printer.Doc{printer.Text{Line: "x"}}, 40), printer.Cut{})
			render, err := layout.Render(doc, d.Caps())
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error)
			go func() {
				_, err := d.Print(t.Context(), "job", doc)
				done <- err
			}()
			for kick := range 3 {
				time.Sleep(3 * time.Second)
				if err := d.(printer.DrawerKicker).OpenDrawer(t.Context(), 0); err != nil {
					t.Errorf("%s, kick %d: %v", language, kick+1, err)
				}
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if got := v.Events(); !slices.Equal(got, []string{"drawer", "drawer", "drawer", "cut"}) {
				t.Errorf("%s: %q", language, got)
			}
			if paper := v.Paper(); len(paper.Pix) < len(render.Pix) || !slices.Equal(paper.Pix[:len(render.Pix)], render.Pix) {
				t.Errorf("%s: the paper is not what the layout drew", language)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPaperInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &printertest.Star{PaperLeft: 500}
		d, err := star.Open(t.Context(), v.Plug(t), spec(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		var said []error
		d.(printer.Attentive).OnAttention(func(err error) { said = append(said, err) })
		go func() {
			time.Sleep(20 * time.Second)
			v.SetPaper(true)
		}()
		r, err := d.Print(t.Context(), "job", printertest.Receipts()["long"])
		if err != nil || r.Evidence != printer.ProcessID {
			t.Errorf("%+v, %v", r, err)
		}
		if len(said) != 2 || fault.KindOf(said[0]) != fault.Attention || said[1] != nil {
			t.Errorf("told %v", said)
		}
	})
}

func TestOptions(t *testing.T) {
	for _, options := range []string{`{"language":"escpos"}`, `{"cut":"maybe"}`, `{"dots":100}`, `{"lnguage":"line"}`, `{"confirm":"maybe"}`, `{"drawer_sensor":"high"}`} {
		if _, err := star.Open(t.Context(), nil, spec(options)); fault.KindOf(err) != fault.Config {
			t.Errorf("%s: %v, want config", options, err)
		}
		if err := star.Check(spec(options)); fault.KindOf(err) != fault.Config {
			t.Errorf("Check %s: %v, want config", options, err)
		}
	}
}

// A printer that was starting when it was first asked is asked again a few
// seconds later, and is not printed on blindly then.
func TestWakesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &printertest.Star{Mute: true}
		v.SetPaper(false)
		d, err := star.Open(t.Context(), v.Plug(t), spec(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		c := d.(device.Checker)
		if err := c.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		v.SetMute(false)
		time.Sleep(6 * time.Second)
		if err := c.Check(t.Context()); fault.KindOf(err) != fault.Attention {
			t.Errorf("awake and without paper: %v", err)
		}
		if _, err := d.Print(t.Context(), "job", printertest.Receipts()["zh"]); fault.KindOf(err) != fault.Attention {
			t.Errorf("printed without paper: %v", err)
		}
	})
}

// The widths that there are, to the dot.
func TestWidths(t *testing.T) {
	for options, ok := range map[string]bool{
		`{"columns": 16, "dots": 192}`: true, `{"columns": 15, "dots": 192}`: false,
		`{"columns": 80, "dots": 960}`: true, `{"columns": 81, "dots": 976}`: false,
		`{"columns": 48, "dots": 568}`: false, `{"columns": 48, "dots": 580}`: false,
		`{"columns": 48, "dots": 1200}`: true, `{"columns": 48, "dots": 1208}`: false,
	} {
		near, far := net.Pipe()
		d, err := star.Open(t.Context(), near, spec(options))
		if (err == nil) != ok {
			t.Errorf("%s: %v", options, err)
		}
		if err == nil {
			d.Close()
		} else if fault.KindOf(err) != fault.Config {
			t.Errorf("%s: kind %v", options, fault.KindOf(err))
		}
		near.Close()
		far.Close()
	}
}
