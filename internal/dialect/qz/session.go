package qz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	// writeTime bounds one message to a page that does not read.
	writeTime = 5 * time.Second
	// maxCalls bounds the calls of one page that are not answered yet.
	maxCalls = 64
	// badMessage closes a connection that talks nonsense, as the original does.
	badMessage = websocket.StatusCode(4003)
)

// session is one connection.
type session struct {
	s    *Server
	conn *websocket.Conn
	peer string

	ctx   context.Context // ends with the connection
	calls sync.WaitGroup
	room  chan struct{}

	mu       sync.Mutex
	watched  map[string]bool // printers whose status is pushed; "" for all
	watching bool
	ports    map[string]*port  // open serial ports
	scans    func()            // gives the scanners back; nil when they are not claimed
	jobs     map[string]string // printer by id, of prints that are not answered yet
}

func newSession(s *Server, conn *websocket.Conn, peer string) *session {
	return &session{s: s, conn: conn, peer: peer, room: make(chan struct{}, maxCalls), watched: map[string]bool{}, ports: map[string]*port{}, jobs: map[string]string{}}
}

// run reads messages until the connection ends; its listeners and ports end with
// it.
func (c *session) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	c.ctx = ctx
	defer c.calls.Wait()
	defer c.closePorts()
	defer cancel()
	defer c.conn.CloseNow()
	for {
		kind, data, err := c.conn.Read(ctx)
		if err != nil {
			return
		}
		if kind != websocket.MessageText {
			c.conn.Close(badMessage, "text only")
			return
		}
		if !c.message(data) {
			c.conn.Close(badMessage, "invalid message")
			return
		}
	}
}

// request is a message of the client.
type request struct {
	Call   string          `json:"call"`
	Params json.RawMessage `json:"params"`
	UID    string          `json:"uid"`
}

// message handles one message; false ends the connection.
func (c *session) message(data []byte) bool {
	switch string(data) {
	case "ping": // keeps the connection, wants no answer
		return true
	case "getProgramName":
		c.write([]byte("tilld"))
		return true
	}
	var r request
	if err := json.Unmarshal(data, &r); err != nil || r.UID == "" || len(r.UID) > 64 {
		return false
	}
	if r.Call == "" { // the certificate, which may be null
		c.result(r.UID, nil)
		return true
	}
	select {
	case c.room <- struct{}{}:
	default:
		c.fail(r.UID, errors.New("too many calls wait for an answer"))
		return true
	}
	wait := c.begin(r)
	if wait == nil {
		<-c.room
		return true
	}
	c.calls.Go(func() {
		defer func() { <-c.room }()
		wait()
	})
	return true
}

// begin does a call in the order of the messages and answers it, or returns what
// is to be waited for.
func (c *session) begin(r request) (wait func()) {
	result, wait, err := c.call(r)
	switch {
	case err != nil:
		c.fail(r.UID, err)
	case wait == nil:
		c.result(r.UID, result)
	}
	return wait
}

// call does one call.
func (c *session) call(r request) (result any, wait func(), err error) {
	switch r.Call {
	case "getVersion":
		var p struct {
			Details bool `json:"details"`
		}
		if len(r.Params) > 0 && json.Unmarshal(r.Params, &p) == nil && p.Details {
			return map[string]string{"version": spoken, "name": "tilld", "build": build()}, nil, nil
		}
		return spoken, nil, nil
	case "printers.find":
		result, err = c.find(r.Params)
	case "printers.getDefault":
		if name := c.s.desk.Default(); name != "" {
			result = name
		}
	case "printers.detail":
		result = c.detail()
	case "print":
		return c.print(r)
	case "printers.startListening":
		err = c.listen(r.Params)
	case "printers.getStatus":
		err = c.tellStatus()
	case "printers.stopListening":
		c.stopListening()
	case "printers.clearQueue":
		err = c.clearQueue(r.Params)
	case "serial.findPorts":
		result = c.findPorts()
	case "serial.openPort":
		err = c.openPort(r.Params)
	case "serial.closePort":
		err = c.closePort(r.Params)
	case "serial.sendData":
		err = c.sendData(r.Params)
	case "networking.hostname":
		result, err = os.Hostname()
	case "websocket.stop":
		err = errors.New("tilld is stopped by store IT, not by a page")
	default:
		err = said(fmt.Sprintf("Invalid function call: %.60q (not supported by tilld)", r.Call))
	}
	return result, nil, err
}

// said is an error in the words that pages of the original know and show.
type said string

func (s said) Error() string { return string(s) }

func build() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.GoVersion
	}
	return ""
}

func (c *session) result(uid string, result any) {
	c.send(map[string]any{"uid": uid, "result": result})
}

func (c *session) fail(uid string, err error) {
	c.send(map[string]any{"uid": uid, "error": err.Error()})
}

// event pushes news; the event is JSON inside of a string.
func (c *session) event(kind string, event any) bool {
	body, err := json.Marshal(event)
	if err != nil {
		panic("qz: " + err.Error()) // our own types
	}
	return c.send(map[string]any{"type": kind, "event": string(body)})
}

func (c *session) send(message any) bool {
	body, err := json.Marshal(message)
	if err != nil {
		panic("qz: " + err.Error()) // our own types
	}
	return c.write(body)
}

// write sends one message; a page that does not take it loses the connection.
func (c *session) write(body []byte) bool {
	ctx, cancel := context.WithTimeout(c.ctx, writeTime)
	defer cancel()
	if err := c.conn.Write(ctx, websocket.MessageText, body); err != nil {
		c.conn.CloseNow()
		return false
	}
	return true
}
