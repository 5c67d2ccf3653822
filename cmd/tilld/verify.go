package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"tilld/queue"
)

type verifyCmd struct {
	DataDir string `help:"Data directory." name:"data-dir" default:"/var/lib/tilld" placeholder:"DIR"`
	JSON    bool   `help:"As JSON." name:"json"`
}

// Run checks the data directory without changing it.
func (c *verifyCmd) Run() error {
	report, err := queue.Check(c.DataDir)
	if err != nil {
		if c.JSON {
			err = errors.Join(err, json.NewEncoder(os.Stdout).Encode(map[string]any{"ok": false, "error": err.Error()}))
		}
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(report); err != nil {
			return err
		}
	} else {
		c.print(report)
	}
	if !report.OK {
		return &exitError{code: exitFailed, quiet: true, err: errors.New("the data directory is damaged")}
	}
	return nil
}

// print writes the summary for a person.
func (c *verifyCmd) print(r queue.CheckReport) {
	fmt.Printf("%s: epoch %s, last sequence %d, acked %d\n", c.DataDir, r.Epoch, r.LastSeq, r.AckedSeq)
	fmt.Printf("%d records and %d events checked, %d bytes, %s\n", r.Records, r.Events, r.Bytes, r.Took)
	for _, f := range r.Findings {
		fmt.Printf("damaged: %s %s %s sequence %d: %s\n", f.File, f.Bucket, f.Key, f.Sequence, f.Reason)
	}
	if r.OK {
		fmt.Println("whole: every record, the sequence and the hash chain are in order")
	} else {
		fmt.Printf("%d findings: the agent repairs what it can from the journal at its next start\n", len(r.Findings))
	}
}
