package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time written "500ms", "10s", "5m", "2h" or "7d".
type Duration time.Duration

// UnmarshalText reads a duration; it must not be negative.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return errors.New("not a number of days")
		}
		*d = Duration(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return errors.New("not a duration")
	}
	*d = Duration(v)
	return nil
}

// Std returns d as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// Size is a number of bytes written "64MiB", "2GiB", "512KiB" or "1048576".
type Size int64

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	number, shift := strings.TrimSpace(string(text)), uint(0)
	for _, unit := range []struct {
		suffix string
		shift  uint
	}{{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}, {"B", 0}} {
		if rest, ok := strings.CutSuffix(number, unit.suffix); ok {
			number, shift = strings.TrimSpace(rest), unit.shift
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64>>shift {
		return errors.New("not a size")
	}
	*s = Size(n << shift)
	return nil
}

// Amount is money written as a decimal string ("200.00"), in hundredths.
type Amount int64

// UnmarshalText reads an amount of at most two decimals.
func (a *Amount) UnmarshalText(text []byte) error {
	whole, part, _ := strings.Cut(string(text), ".")
	if len(part) > 2 {
		return errors.New("more than two decimals")
	}
	part += strings.Repeat("0", 2-len(part))
	n, err := strconv.ParseUint(whole+part, 10, 62)
	if err != nil || whole == "" {
		return errors.New("not an amount")
	}
	*a = Amount(n)
	return nil
}
