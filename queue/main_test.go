package queue

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
)

// TestMain lets the test binary also be the child processes of its tests.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "check":
			r, err := Check(os.Args[2])
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			json.NewEncoder(os.Stdout).Encode(r)
			os.Exit(0)
		case "crash":
			from, _ := strconv.Atoi(os.Args[4])
			n, _ := strconv.Atoi(os.Args[5])
			if err := crashChild(os.Args[2], os.Args[3], from, n); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		case "fulldisk":
			if err := fullDiskChild(os.Args[2]); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			os.Exit(0)
		case "usage":
			fmt.Fprintln(os.Stderr, "usage: …")
			os.Exit(2)
		}
	}
	// Each check of the model opens the store many times. -rapid.checks on the
	// command line still counts.
	if err := flag.Set("rapid.checks", "40"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
