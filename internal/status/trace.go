package status

import (
	"net/http"
	"slices"
	"strconv"

	"tilld/device"
	"tilld/internal/lang"
	"tilld/internal/sale"
)

// Tracing is the answer to starting and stopping a trace.
type Tracing struct {
	Device string `json:"device"`
	On     bool   `json:"on"`
}

func (s *Server) traceRows() []route {
	row := func(method, path, id, summary string, handle func(*call) error) route {
		r := route{
			method: method, path: "/v1/devices/{name}/trace" + path, id: id, tag: "devices", status: 200, summary: summary,
			codes: []string{sale.CodeUnknownDevice, sale.CodeNotFound, sale.CodeUnavailable, sale.CodeWrongState}, handle: handle,
		}
		if r.effect() {
			r.body, r.answer = empty{}, Tracing{}
		} else {
			r.media = "text/plain"
		}
		return r
	}
	return []route{
		row(http.MethodGet, "", "getTrace", "The recorded wire: lines of > hex, < hex and # note", getTrace),
		row(http.MethodPost, "/start", "startTrace", "Record the device's wire for at most 15 minutes and 4 MiB", startTrace),
		row(http.MethodPost, "/stop", "stopTrace", "Stop recording", stopTrace),
		{
			method: http.MethodGet, path: "/v1/detect", id: "detect", tag: "devices", access: byPage, status: 200, answer: map[string]any{},
			summary: "Hardware that is plugged in, with the address to configure", codes: []string{sale.CodeNotFound, sale.CodeUnavailable}, handle: detect,
		},
	}
}

// traced returns the device of the path, if it is configured and can be traced.
func (c *call) traced() (string, error) {
	name := c.r.PathValue("name")
	if c.s.o.Trace == nil {
		return "", problem(sale.CodeNotFound, "", "本机不支持记录设备通信", "this build cannot record a device's wire")
	}
	known := slices.ContainsFunc(c.s.o.Engine.Status(lang.EN).Devices, func(d device.Status) bool { return d.Name == name })
	if !known {
		return "", problem(sale.CodeUnknownDevice, "name", "没有这个设备", "there is no such device")
	}
	return name, nil
}

func getTrace(c *call) error {
	name, err := c.traced()
	if err != nil {
		return err
	}
	text, err := c.s.o.Trace.Trace(name)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+name+`.trace"`)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	c.w.Write(text)
	return nil
}

func startTrace(c *call) error { return c.trace(true) }
func stopTrace(c *call) error  { return c.trace(false) }

func (c *call) trace(on bool) error {
	if err := c.decode(&empty{}); err != nil {
		return err
	}
	name, err := c.traced()
	if err != nil {
		return err
	}
	if on {
		err = c.s.o.Trace.StartTrace(name)
	} else {
		err = c.s.o.Trace.StopTrace(name)
	}
	if err != nil {
		return err
	}
	return c.json(Tracing{Device: name, On: on})
}

func detect(c *call) error {
	if c.s.o.Detect == nil {
		return problem(sale.CodeNotFound, "", "本机不支持查找设备", "this build cannot look for hardware")
	}
	found, err := c.s.o.Detect(c.r.Context())
	if err != nil {
		return err
	}
	return c.json(map[string]any{"found": found})
}
