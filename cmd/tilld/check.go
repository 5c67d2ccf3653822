package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"tilld/device"
	"tilld/device/dial"
	"tilld/internal/config"
	"tilld/internal/link"
	"tilld/internal/offlinepay"
	"tilld/internal/till"
	"tilld/scanner/code"
)

const defaultConfig = "/etc/tilld/tilld.yaml"

type checkCmd struct {
	Config string `help:"Configuration file." placeholder:"FILE" required:""`
}

// Run prints every problem, one a line.
func (c *checkCmd) Run() error {
	k := known()
	k.Offline = offlineReady(k.Offline)
	cfg, err := loadAs(c.Config, os.Stdout, k)
	if err != nil {
		return err
	}
	fmt.Printf("%s: ok: till %s, %d devices\n", c.Config, cfg.Path(), len(cfg.Devices))
	return nil
}

// load reads the configuration and prints its problems to out; it fails with
// exit code 2 when there are any.
func load(file string, out *os.File) (config.Config, error) { return loadAs(file, out, known()) }

// loadAs is load with more that is known.
func loadAs(file string, out *os.File, k config.Known) (config.Config, error) {
	cfg, problems, warnings, err := config.Load(file, os.Environ(), k)
	if err != nil {
		return cfg, &exitError{code: exitUsage, err: fmt.Errorf("the configuration cannot be read: %w", err)}
	}
	for _, p := range warnings {
		fmt.Fprintln(os.Stderr, p.In(speech()))
	}
	for _, p := range problems {
		fmt.Fprintln(out, p.In(speech()))
	}
	if len(problems) > 0 {
		return cfg, &exitError{code: exitUsage, quiet: true, err: config.ErrInvalid}
	}
	return cfg, nil
}

// known tells package config what this binary can do.
func known() config.Known {
	names := map[string][]string{}
	for _, d := range driverList() {
		names[string(d.kind)] = append(names[string(d.kind)], d.name)
	}
	return config.Known{
		Drivers: names,
		Options: func(d config.Device) error {
			for _, have := range driverList() {
				if string(have.kind) == d.Kind && have.name == d.Driver {
					return plain(have.options(spec(d)))
				}
			}
			return nil
		},
		Address:  checkAddress,
		Copyable: link.Copyable, Redactable: slices.Sorted(maps.Keys(link.Redactable)),
		Template: func(name string) error {
			return plain(checkTemplate(name, till.ClassicTemplate, till.SampleReceipt()))
		},
		RefundTemplate: func(name string) error {
			return plain(checkTemplate(name, till.ClassicRefundTemplate, till.SampleRefund()))
		},
		Codes: func(raw config.Raw) error {
			_, err := codeRules(raw)
			return err
		},
		Offline: func(c config.Config) (string, error) {
			if _, ok := offlinepay.CurrencyNumber(c.Till.Currency); !ok {
				return "till.currency", fmt.Errorf("no ISO 4217 number is known for %s", c.Till.Currency)
			}
			return "", nil
		},
	}
}

// checkAddress says what is wrong with a device's address: its settings, or that
// its driver cannot use what is there.
func checkAddress(d config.Device) error {
	scheme, _, _ := strings.Cut(d.Address, "://")
	for _, have := range driverList() {
		if string(have.kind) != d.Kind || have.name != d.Driver || have.schemes == nil {
			continue
		}
		if !slices.Contains(have.schemes, scheme) {
			return fmt.Errorf("driver %s cannot use %s://, it takes %s://", d.Driver, scheme, strings.Join(have.schemes, "://, "))
		}
	}
	return dial.Check(d.Address)
}

// offlineReady adds to what is checked of payment.offline that the trust file
// has keys for proofs, and that the keys for pay codes can be read. A till that
// runs goes without them until they are there.
func offlineReady(first func(config.Config) (string, error)) func(config.Config) (string, error) {
	return func(c config.Config) (string, error) {
		if file := c.Payment.Offline.CodeKeyFile; file != "" {
			if _, err := readCodeKeys(file); err != nil {
				return "payment.offline.code_key_file", plain(err)
			}
		}
		if key, err := first(c); err != nil || c.Firmware.Repository != "" { // the keys come from there
			return key, err
		}
		keys, _, err := readProofs(c.Cloud.TrustFile)
		if err == nil && len(keys) == 0 {
			err = errors.New(`no key in it has "tilld:use": ["proof"]`)
		}
		return "cloud.trust_file", plain(err)
	}
}

// plain takes the component off an error: the configuration's line names it.
func plain(err error) error {
	for err != nil {
		inner := errors.Unwrap(err)
		if inner == nil {
			break
		}
		err = inner
	}
	return err
}

func spec(d config.Device) device.Spec {
	return device.Spec{Name: d.Name, Kind: device.Kind(d.Kind), Driver: d.Driver, Address: d.Address, Options: d.Options}
}

// codeRules overlays the codes section on the published rules.
func codeRules(raw config.Raw) (code.Rules, error) {
	c := code.DefaultConfig()
	if len(raw) > 0 {
		if err := (device.Spec{Name: "codes", Options: json.RawMessage(raw)}).Decode(&c); err != nil {
			return code.Rules{}, plain(err)
		}
	}
	return code.Compile(c)
}
