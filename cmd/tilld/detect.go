package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"tilld/device/detect"
)

type detectCmd struct {
	JSON bool `help:"As JSON." name:"json"`
}

// Run prints one configuration line per piece of hardware, ready to be pasted
// below devices.
func (c *detectCmd) Run() error {
	found, err := detect.Detect(context.Background(), "")
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(found)
	}
	if len(found) == 0 {
		fmt.Fprintln(os.Stderr, "nothing that a till could use is plugged in")
		return nil
	}
	printFound(os.Stdout, found)
	return nil
}

func printFound(out io.Writer, found []detect.Found) {
	for _, f := range found {
		fmt.Fprintln(out, "  "+f.Config)
	}
}
