package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
)

// command is an order to a till, sent until it is replied to or expires.
type command struct {
	path    string
	message Message
	issued  time.Time
	sent    time.Time // last
	times   int
	reply   *Reply
	replies int
}

// Reply is a till's answer to a command.
type Reply struct {
	ID    string          `json:"id"`
	State string          `json:"state"` // done refused failed expired unknown
	Data  json.RawMessage `json:"data,omitempty"`
	Error *Problem        `json:"error,omitempty"`
}

// Problem is why something was not done.
type Problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Order sends a command to the till at path, and again at each of its births
// and every few seconds until it replies or life (0: ten minutes) is over. It
// returns the command's id.
func (c *Cloud) Order(path, kind string, data any, life time.Duration) string {
	if life == 0 {
		life = 10 * time.Minute
	}
	cmd := &command{path: path, issued: time.Now(), message: Message{ID: ulid.Make().String(), Audience: path, Type: kind, Life: life, Data: data}}
	c.mu.Lock()
	c.commands[cmd.message.ID] = cmd
	c.order = append(c.order, cmd.message.ID)
	c.notify()
	c.mu.Unlock()
	c.dispatch(cmd)
	return cmd.message.ID
}

// Reply returns the reply to a command once there is one. Replies that a till
// sent again count; two different ones are an alarm of the till's making.
func (c *Cloud) Reply(id string) (Reply, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cmd, ok := c.commands[id]
	if !ok || cmd.reply == nil {
		return Reply{}, false
	}
	return *cmd.reply, true
}

// Command orders and waits for the reply.
func (c *Cloud) Command(ctx context.Context, path, kind string, data any) (Reply, error) {
	id := c.Order(path, kind, data, 0)
	var r Reply
	err := c.Await(ctx, func() (ok bool) { r, ok = c.Reply(id); return ok })
	if err != nil {
		return r, fmt.Errorf("%s: no reply: %w", kind, err)
	}
	return r, nil
}

// dispatch sends a command once, with the claims it always had: the same jti
// makes the till answer a repeat from its store.
func (c *Cloud) dispatch(cmd *command) {
	c.mu.Lock()
	t := c.tills[cmd.path]
	expired := time.Since(cmd.issued) >= cmd.message.Life
	ready := cmd.reply == nil && !expired && t != nil && t.status.Online
	if ready {
		cmd.sent = time.Now()
		cmd.times++
	}
	m := cmd.message
	m.Life -= time.Since(cmd.issued)
	c.mu.Unlock()
	if ready {
		if err := c.send(cmd.path, "command", m); err != nil {
			c.o.Log.Debug("command waits", "type", m.Type, "err", err)
		}
	}
}

// resend sends the unanswered commands of a till in the order they were given.
func (c *Cloud) resend(path string) {
	for _, cmd := range c.open(func(cmd *command) bool { return cmd.path == path }) {
		c.dispatch(cmd)
	}
}

func (c *Cloud) resendAll() {
	for _, cmd := range c.open(func(*command) bool { return true }) {
		c.dispatch(cmd)
	}
}

// open returns the commands without a reply that match.
func (c *Cloud) open(match func(*command) bool) []*command {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []*command
	for _, id := range c.order {
		if cmd := c.commands[id]; cmd.reply == nil && match(cmd) {
			list = append(list, cmd)
		}
	}
	return list
}

// repeatLoop sends unanswered commands again, with growing pauses.
func (c *Cloud) repeatLoop(ctx context.Context) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, cmd := range c.open(func(cmd *command) bool {
			pause := time.Duration(1<<min(cmd.times, 5)) * time.Second
			return time.Since(cmd.issued) < cmd.message.Life && time.Since(cmd.sent) > pause
		}) {
			c.dispatch(cmd)
		}
	}
}

func (c *Cloud) hearReply(path string, body []byte) error {
	var r Reply
	if err := json.Unmarshal(body, &r); err != nil {
		return err
	}
	if !slices.Contains([]string{"done", "refused", "failed", "expired", "unknown"}, r.State) {
		return fmt.Errorf("reply state %.20q", r.State)
	}
	c.mu.Lock()
	cmd, ok := c.commands[r.ID]
	if !ok || cmd.path != path {
		c.mu.Unlock()
		return errors.New("reply to no command of this till")
	}
	cmd.replies++
	if cmd.reply == nil {
		cmd.reply = &r
	} else if cmd.reply.State != r.State {
		c.mu.Unlock()
		return fmt.Errorf("command %s was %s, now %s", r.ID, cmd.reply.State, r.State)
	}
	c.notify()
	c.mu.Unlock()
	c.heard(Traffic{Till: path, Way: "in", Kind: "reply", Type: cmd.message.Type, ID: r.ID, Data: r})
	return nil
}
