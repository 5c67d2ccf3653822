package main

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
)

type watchCmd struct{}

// Run prints the live stream, one line an event.
func (watchCmd) Run(s *session) error {
	resp, err := s.api.send(&http.Client{}, http.MethodGet, "/v1/events")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxAnswer) // a scene may have pictures in it
	name := ""
	for lines.Scan() {
		switch key, value, _ := strings.Cut(lines.Text(), ": "); key {
		case "event":
			name = value
		case "data":
			if s.json {
				fmt.Fprintf(s.out, "{\"event\":%q,\"data\":%s}\n", name, value)
			} else {
				fmt.Fprintf(s.out, "%-10s %s\n", name, safe(value))
			}
		}
	}
	return lines.Err()
}
