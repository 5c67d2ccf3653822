package status

import (
	"net/http"
	"strconv"
	"strings"

	"tilld/device"
	"tilld/display"
	"tilld/internal/sale"
	"tilld/internal/till"
)

// ScanList is one page of the scan ledger.
type ScanList struct {
	Scans []till.Scan `json:"scans"`
	Next  uint64      `json:"next"` // for `after`, also when there is no more yet
}

// Answers of commands that lead to no sale and no print job.
type (
	// Acked says how far the scan ledger is consumed.
	Acked struct {
		Acked uint64 `json:"acked"`
	}
	// Cleared is the answer to DELETE /v1/screen.
	Cleared struct {
		Cleared bool `json:"cleared"`
	}
	// Tested is the answer to a device test that went well.
	Tested struct {
		Name string `json:"name"`
		OK   bool   `json:"ok"`
	}
	// Opened is the answer to drawer/open.
	Opened struct {
		Opened bool `json:"opened"`
	}
	// SignedIn is who is signed in; "" for nobody.
	SignedIn struct {
		Cashier string `json:"cashier"`
	}
	// PickedUp is an order that was handed over.
	PickedUp struct {
		Pickup string `json:"pickup"`
		State  string `json:"state"` // done
	}
)

// DeviceList is the device table.
type DeviceList struct {
	Devices []device.Status `json:"devices"`
}

// SceneBody is the body of PUT /v1/screen.
type SceneBody struct {
	Scene display.Scene `json:"scene"`
}

// Alive is the answer of /healthz.
type Alive struct {
	Status  string `json:"status"` // "ok"
	Version string `json:"version"`
}

// Readiness is the answer of /readyz.
type Readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons"`
}

func listScans(c *call) error {
	after, err := c.number("after", c.r.URL.Query().Get("after"))
	if err != nil {
		return err
	}
	limit, err := c.limit()
	if err != nil {
		return err
	}
	list, _, err := c.s.o.Engine.Scans(after, limit)
	if err != nil {
		return err
	}
	if list == nil {
		list = []till.Scan{}
	}
	next := after // for a caller that asks again and again: never a row twice
	if n := len(list); n > 0 {
		next = list[n-1].Seq
	}
	return c.json(ScanList{Scans: list, Next: next})
}

// number reads an unsigned number; "" is 0.
func (c *call) number(name, v string) (uint64, error) {
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return 0, invalid(name, "必须是不小于 0 的整数", "must be an integer, 0 or more")
	}
	return n, nil
}

func ackScan(c *call) error {
	seq, err := c.number("seq", c.r.PathValue("seq"))
	if err != nil {
		return err
	}
	return c.bare(till.AckScan{Seq: seq})
}

func scanCode(c *call) error {
	var cmd till.ScanCode
	if err := c.decode(&cmd); err != nil {
		return err
	}
	return c.do(cmd)
}

func printJob(c *call) error {
	var cmd till.PrintRequest
	if err := c.decode(&cmd); err != nil {
		return err
	}
	return c.do(cmd)
}

func getJob(c *call) error {
	job, err := c.s.o.Engine.Job(c.r.PathValue("job_id"))
	if err != nil {
		return err
	}
	return c.json(job)
}

func reprintJob(c *call) error {
	id, ok := strings.CutSuffix(c.r.PathValue("job_id"), "/reprint")
	if !ok {
		c.w.Header().Set("Allow", http.MethodGet)
		return problem(codeMethod, "", "此地址只支持 GET", "this path takes GET only")
	}
	var cmd till.ReprintJob
	if err := c.decode(&cmd); err != nil {
		return err
	}
	cmd.JobID = id
	return c.do(cmd)
}

func receiptPNG(c *call) error {
	id, ok := strings.CutSuffix(c.r.PathValue("file"), ".png")
	if !ok || c.s.o.Preview == nil {
		return problem(sale.CodeNotFound, "", "没有这张小票图片", "there is no such picture of a receipt")
	}
	doc, err := c.s.o.Engine.ReceiptDoc(id)
	if err != nil {
		return err
	}
	png, err := c.s.o.Preview(doc)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "image/png")
	h.Set("Content-Length", strconv.Itoa(len(png)))
	c.w.WriteHeader(http.StatusOK)
	c.w.Write(png)
	return nil
}

func putScreen(c *call) error {
	var body SceneBody
	if err := c.decode(&body); err != nil {
		return err
	}
	sc := body.Scene
	sc.Lines, sc.Offers, sc.QR = nonNil(sc.Lines), nonNil(sc.Offers), nonNil(sc.QR)
	return c.do(till.ShowScene{Scene: sc})
}

func clearScreen(c *call) error { return c.bare(till.ClearScene{}) }

func listDevices(c *call) error {
	return c.json(DeviceList{Devices: c.s.status(c.lang).Devices})
}

func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func testDevice(c *call) error { return c.bare(till.TestDevice{Name: c.r.PathValue("name")}) }

func openDrawer(c *call) error {
	var cmd till.OpenDrawer
	if err := c.decode(&cmd); err != nil {
		return err
	}
	return c.do(cmd)
}

func confirmPickup(c *call) error { return c.bare(till.ConfirmPickup{ID: c.id()}) }

func openShift(c *call) error {
	var cmd till.OpenShift
	if err := c.decode(&cmd); err != nil {
		return err
	}
	return c.do(cmd)
}

func closeShift(c *call) error {
	var cmd till.CloseShift
	if err := c.decode(&cmd); err != nil {
		return err
	}
	return c.do(cmd)
}

func signIn(c *call) error {
	var cmd till.SignIn
	if err := c.decode(&cmd); err != nil {
		return err
	}
	return c.do(cmd)
}

func signOut(c *call) error { return c.bare(till.SignOut{}) }

func zReport(c *call) error {
	report, err := c.s.o.Engine.ZReport(c.r.URL.Query().Get("day"))
	if err != nil {
		return err
	}
	return c.json(report)
}

func printZ(c *call) error {
	var cmd till.PrintZ
	if err := c.decode(&cmd); err != nil {
		return err
	}
	return c.do(cmd)
}

func healthz(c *call) error { return c.json(Alive{Status: "ok", Version: c.s.o.Version}) }

func readyz(c *call) error {
	ok, reasons := c.s.o.Engine.Ready()
	status := http.StatusOK
	if !ok {
		status = http.StatusServiceUnavailable
	}
	return c.jsonAs(status, Readiness{Ready: ok, Reasons: nonNil(reasons)})
}

func serveSpec(c *call) error { return c.write(http.StatusOK, c.s.spec) }
