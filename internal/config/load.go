package config

import (
	"encoding"
	"errors"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"tilld/internal/plainfile"
)

// Known is what the binary can do, for the checks that need it.
type Known struct {
	Drivers map[string][]string // by kind of device
	// Options says what is wrong with a device's options, nil when nothing is.
	Options func(d Device) error
	// Address says what is wrong with a device's address, whose scheme is known.
	Address func(d Device) error
	// Copyable and Redactable are the events that a mall can be given and the
	// parts that can be left out; nil = not checked.
	Copyable, Redactable []string
	// Template says what is wrong with receipt.template, RefundTemplate with
	// receipt.refund_template.
	Template, RefundTemplate func(name string) error
	// Codes says what is wrong with the codes section.
	Codes func(raw Raw) error
	// Offline says which key keeps payment.offline from working, and why.
	Offline func(c Config) (key string, err error)
}

// ErrInvalid means that a configuration has problems.
var ErrInvalid = errors.New("configuration has problems")

// Load reads the file (defaults when file is ""), then the environment (as from
// os.Environ), and checks the whole. Every problem is in the list; warnings are
// worth a word but no reason not to start. The error is about reading the file.
func Load(file string, environ []string, known Known) (c Config, problems, warnings []Problem, err error) {
	c = Defaults()
	r := &reader{file: file, lines: map[string]int{}, from: map[string]string{}}
	if file != "" {
		read := plainfile.ReadFile
		if file == "/dev/stdin" || strings.HasPrefix(file, "/dev/fd/") { // a shell's <(…)
			read = os.ReadFile
		}
		data, err := read(file)
		if err != nil {
			return c, nil, nil, err
		}
		if !r.read(data, &c) {
			return c, r.problems, nil, nil
		}
	}
	warnings = r.environment(environ, &c)
	r.check(&c, known)
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
	return c, r.problems, append(warnings, r.warnings...), nil
}

// others are the variables with our prefix that are no keys: those by which
// tilld-guard and the agent tell each other who they are.
var others = []string{"TILLD_GUARD", "TILLD_SLOT", "TILLD_GUARD_DATA", "TILLD_GUARD_HEALTH", "TILLD_GUARD_STOP"}

// environment overlays TILLD_CLOUD_URL and the like. The names come from the
// keys themselves, so that TILLD_CLOUD_CLIENT_ID is cloud.client_id.
func (r *reader) environment(environ []string, c *Config) (warnings []Problem) {
	fields := map[string]target{}
	targets(reflect.ValueOf(c).Elem(), "", fields)
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "TILLD_") || slices.Contains(others, name) {
			continue
		}
		t, ok := fields[name]
		if !ok {
			warnings = append(warnings, Problem{
				File: "environment", Key: name,
				What: text("没有对应的配置项，已忽略", "no key goes by this name, ignored"),
			})
			continue
		}
		if !set(t.value, value) {
			r.problems = append(r.problems, Problem{
				File: "environment", Key: name, What: text("%q 不适用于 %s", "%q does not fit %s", value, t.path),
				Instead: text("参见配置说明中的 %s", "see %s in the configuration's description", t.path),
			})
			continue
		}
		r.from[t.path] = name
	}
	return warnings
}

type target struct {
	path  string
	value reflect.Value
}

func targets(v reflect.Value, path string, into map[string]target) {
	for i := range v.NumField() {
		key := join(path, v.Type().Field(i).Tag.Get("yaml"))
		field := v.Field(i)
		if field.Kind() == reflect.Struct {
			targets(field, key, into)
			continue
		}
		if field.Kind() == reflect.Slice {
			continue // lists are for the file
		}
		into["TILLD_"+strings.ToUpper(strings.ReplaceAll(key, ".", "_"))] = target{key, field}
	}
}

func set(dst reflect.Value, value string) bool {
	if u, ok := dst.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(value)) == nil
	}
	switch dst.Kind() {
	case reflect.String:
		dst.SetString(value)
		return true
	case reflect.Bool:
		b, err := strconv.ParseBool(value)
		if err == nil {
			dst.SetBool(b)
		}
		return err == nil
	case reflect.Int:
		n, err := strconv.ParseInt(value, 10, 64)
		if err == nil {
			dst.SetInt(n)
		}
		return err == nil
	case reflect.Uint32:
		n, err := strconv.ParseUint(value, 10, 32)
		if err == nil {
			dst.SetUint(n)
		}
		return err == nil
	default:
		return false
	}
}
