package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tilld/internal/journal"
)

type journalCmd struct {
	List   journalListCmd   `cmd:"" default:"withargs" help:"Events that the queue still has, one a line."`
	Epochs journalEpochsCmd `cmd:"" help:"Epochs of this till: another one began when a backup was restored, a disk copied, or the journal's end lost."`
	Export journalExportCmd `cmd:"" help:"Write the journal with its proof to a file."`
	Verify journalVerifyCmd `cmd:"" help:"Check exports, or a receiver's lines, without a till."`
}

type journalListCmd struct {
	After uint64 `help:"Sequence to go on after." placeholder:"SEQ"`
	Limit int    `help:"Events." default:"100"`
}

// Run prints the events' exact bytes, one a line.
func (c journalListCmd) Run(s *session) error {
	q := url.Values{"after": {strconv.FormatUint(c.After, 10)}, "limit": {strconv.Itoa(c.Limit)}}
	var v struct{ Events []json.RawMessage }
	return s.show("/v1/journal?"+q.Encode(), &v, func() {
		for _, e := range v.Events {
			fmt.Fprintf(s.out, "%s\n", e)
		}
	})
}

type journalEpochsCmd struct{}

type epochList struct {
	Epochs []struct {
		Epoch  string
		Last   uint64 `json:"last_seq"`
		Acked  uint64 `json:"acked_seq"`
		Ended  time.Time
		Reason string
	}
}

// Run lists the epochs, oldest first.
func (c journalEpochsCmd) Run(s *session) error {
	var v epochList
	return s.show("/v1/journal/epochs", &v, func() {
		for _, e := range v.Epochs {
			how := "present"
			if !e.Ended.IsZero() {
				how = "ended " + e.Ended.Format(time.RFC3339) + ": " + safe(e.Reason)
			}
			fmt.Fprintf(s.out, "%s  %d events, %d acked, %s\n", safe(e.Epoch), e.Last, e.Acked, how)
		}
	})
}

type journalExportCmd struct {
	Out    string   `help:"File to write; - for the terminal." short:"o" default:"-" placeholder:"FILE"`
	Format string   `help:"json: lines as they were written, and a signed manifest. csv: the same for a spreadsheet." enum:"json,csv" default:"json"`
	Day    string   `help:"One day (store time)." placeholder:"YYYY-MM-DD" xor:"day"`
	From   string   `help:"First day." placeholder:"YYYY-MM-DD" xor:"day"`
	To     string   `help:"Last day." placeholder:"YYYY-MM-DD"`
	After  uint64   `help:"Sequence to begin after." placeholder:"SEQ"`
	Type   []string `help:"Event types: sale.closed,sale.refunded" placeholder:"TYPE"`
	Epoch  string   `help:"An epoch that has ended, or the first digits of its name; the present one if not given. \"tillctl journal epochs\" lists them." placeholder:"EPOCH"`
}

// Run fetches the export, checks it and puts it in its place.
func (c journalExportCmd) Run(s *session) (err error) {
	q := url.Values{"after": {strconv.FormatUint(c.After, 10)}}
	for key, value := range map[string]string{"from": c.From + c.Day, "to": c.To + c.Day, "type": strings.Join(c.Type, ",")} {
		if value != "" {
			q.Set(key, value)
		}
	}
	if c.Epoch != "" {
		epoch, err := s.epoch(c.Epoch)
		if err != nil {
			return err
		}
		q.Set("epoch", epoch)
	}
	resp, err := s.api.send(&http.Client{}, http.MethodGet, "/v1/journal/export?"+q.Encode())
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	dir := os.TempDir()
	if c.Out != "-" {
		dir = filepath.Dir(c.Out)
	}
	tmp, err := os.CreateTemp(dir, ".journal-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	if _, err := io.Copy(tmp, resp.Body); err != nil {
		return fmt.Errorf("the export broke off: %w (the agent's log says why)", err)
	}
	if _, err := tmp.Seek(0, io.SeekStart); err != nil {
		return err
	}
	report, err := journal.Check{}.Verify(c.Out, tmp)
	if err != nil {
		return err
	}
	if !report.OK() {
		s.problems(report)
		return errors.New("the till's journal is damaged here; tilld verify says more")
	}
	if _, err := tmp.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if c.Out == "-" {
		return c.write(s.out, tmp)
	}
	if err := c.save(tmp); err != nil {
		return err
	}
	if s.json {
		return json.NewEncoder(s.out).Encode(report)
	}
	fmt.Fprintf(s.out, "%s: %d events, %d left out (%d erased), %d to %d, key %s\n", c.Out, report.Events, report.Omitted, report.Erased, report.First, report.Last, report.Key)
	return nil
}

// epoch is the till's epoch whose name begins with text.
func (s *session) epoch(text string) (found string, err error) {
	var v epochList
	body, err := s.api.get("/v1/journal/epochs")
	if err == nil {
		err = json.Unmarshal(body, &v)
	}
	if err != nil {
		return "", err
	}
	for _, e := range v.Epochs {
		if !strings.HasPrefix(e.Epoch, strings.ToLower(text)) {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("--epoch %s: several epochs begin with that", text)
		}
		found = e.Epoch
	}
	if found == "" {
		return "", fmt.Errorf("--epoch %s: this till has no such epoch; tillctl journal epochs lists them", text)
	}
	return found, nil
}

func (c journalExportCmd) write(w io.Writer, export io.Reader) error {
	if c.Format == "csv" {
		return journal.WriteCSV(w, export)
	}
	_, err := io.Copy(w, export)
	return err
}

// save writes the file whole or not at all; an old one is not overwritten.
func (c journalExportCmd) save(export io.Reader) error {
	f, err := os.OpenFile(c.Out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(c.write(f, export), f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(c.Out))
	}
	return nil
}

type journalVerifyCmd struct {
	Files  []string `arg:"" name:"file" help:"Exports (lines or CSV); several files of one till have to follow each other." type:"existingfile"`
	Key    []string `help:"Public key of the till: its fingerprint, base64 (key in till.started), or a PEM file. Without it the signature proves only that the file is as its signer made it." placeholder:"KEY"`
	Ledger bool     `help:"The files are a receiver's own lines, which have no manifest."`
}

// Run checks and says what is wrong: exit 0 whole, 1 not.
func (c journalVerifyCmd) Run(s *session) error {
	check := journal.Check{NoManifest: c.Ledger}
	var prints []string
	for _, k := range c.Key {
		key, err := publicKey(k)
		if err != nil {
			return err
		}
		if key == nil {
			prints = append(prints, strings.ToLower(k))
		} else {
			prints = append(prints, journal.Fingerprint(key))
		}
	}
	open := func(file string) (io.ReadCloser, error) { return os.Open(file) }
	reports, count := []journal.Report{}, 0
	for _, file := range c.Files {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		r, err := check.Verify(file, f)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		r.Only(prints)
		reports, count = append(reports, r), count+len(r.Problems)+r.More
	}
	between, err := journal.Join(reports, open)
	if err != nil {
		return err
	}
	count += len(between)
	if s.json {
		if between == nil {
			between = []journal.Problem{}
		}
		if err := json.NewEncoder(s.out).Encode(map[string]any{"ok": count == 0, "files": reports, "between": between}); err != nil {
			return err
		}
	} else {
		for _, r := range reports {
			s.problems(r)
			fmt.Fprintf(s.out, "%s: %s, epoch %s: %d events, %d left out (%d erased), %d to %d, %s\n", safe(r.File), safe(r.Source), safe(r.Epoch), r.Events, r.Omitted, r.Erased, r.First, r.Last, signer(r, len(prints) > 0))
		}
		for _, p := range between {
			fmt.Fprintln(s.out, safe(p.String()))
		}
	}
	if count > 0 {
		return fmt.Errorf("%d problems", count)
	}
	return nil
}

func signer(r journal.Report, named bool) string {
	switch {
	case r.Key == "":
		return "not signed"
	case !named:
		return "signed with key " + r.Key + " (compare it with the till's, or name it with --key)"
	}
	return "signed with key " + r.Key
}

func (s *session) problems(r journal.Report) {
	for _, p := range r.Problems {
		fmt.Fprintln(s.out, safe(p.String()))
	}
	if r.More > 0 {
		fmt.Fprintf(s.out, "%s: %d more\n", safe(r.File), r.More)
	}
}

// publicKey reads a key: 32 bytes in base64, or a file with a private or public
// key in PEM; nil for a fingerprint.
func publicKey(text string) ([]byte, error) {
	if len(text) == 64 && strings.Trim(strings.ToLower(text), "0123456789abcdef") == "" {
		return nil, nil
	}
	for _, form := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} { // the latter is that of till.started
		if b, err := form.DecodeString(text); err == nil && len(b) == ed25519.PublicKeySize {
			return b, nil
		}
	}
	b, err := os.ReadFile(text)
	if err != nil {
		return nil, fmt.Errorf("--key: neither a fingerprint, nor base64, nor a file: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("--key: %s is not PEM", text)
	}
	return pemKey(block)
}
