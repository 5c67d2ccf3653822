package gs1

import (
	"fmt"
	"slices"
	"strings"
)

// Rule is one of the rules between the AIs of a message.
type Rule string

const (
	Repeats           Rule = "repeats"                     // an AI twice has the same value
	MutuallyExclusive Rule = "mutually_exclusive"          // no two that exclude each other
	RequiredWith      Rule = "required_with"               // what an AI needs is there
	DigSigKey         Rule = "digsig_needs_serialised_key" // a signature covers one single thing
)

// Rules lists them all.
var Rules = []Rule{Repeats, MutuallyExclusive, RequiredWith, DigSigKey}

// Validate checks the rules between AIs, all when none is named. They are meant
// for everything that marks one thing, so a code of a set may fail alone.
func (m Message) Validate(rules ...Rule) error {
	if len(rules) == 0 {
		rules = Rules
	}
	for _, r := range rules {
		if err := m.rule(r); err != nil {
			return err
		}
	}
	return nil
}

func (m Message) rule(r Rule) error {
	for i, e := range m {
		ai := Find(e.AI)
		switch r {
		case Repeats:
			for _, other := range m[i+1:] {
				if other.AI == e.AI && other.Value != e.Value {
					return fmt.Errorf("(%s) twice with different values", e.AI)
				}
			}
		case MutuallyExclusive:
			if ai == nil {
				continue
			}
			for _, pattern := range ai.excludes {
				for _, other := range m {
					if other.AI != e.AI && matches(other.AI, pattern) {
						return fmt.Errorf("(%s) must not be with (%s)", e.AI, other.AI)
					}
				}
			}
		case RequiredWith:
			if ai == nil {
				continue
			}
			for _, oneOf := range ai.requires {
				if !slices.ContainsFunc(oneOf, m.hasAll) {
					return fmt.Errorf("(%s) needs one of %v", e.AI, oneOf)
				}
			}
		case DigSigKey:
			// The serial is the optional last component of these keys.
			bare := map[string]int{"253": 13, "255": 13, "8003": 14}
			if n, is := bare[e.AI]; is && len(e.Value) == n && m.hasAll([]string{"8030"}) {
				return fmt.Errorf("(8030) needs (%s) with its serial", e.AI)
			}
		}
	}
	return nil
}

func (m Message) hasAll(patterns []string) bool {
	for _, p := range patterns {
		if !slices.ContainsFunc(m, func(e Element) bool { return matches(e.AI, p) }) {
			return false
		}
	}
	return true
}

// matches compares an AI with "01" or a pattern such as "31nn".
func matches(ai, pattern string) bool {
	stem := strings.TrimRight(pattern, "n")
	return len(ai) == len(pattern) && strings.HasPrefix(ai, stem)
}
