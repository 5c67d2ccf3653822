package tuf

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// shape refuses a metadata document that go-tuf v2.4.2 would trip over, before
// it sees it: a null where it expects an object makes it panic, in some cases
// before any signature is checked and in some at every later start, once the
// document is stored. Nothing here trusts the document; a document that passes
// still has to pass the library.
//
// role is "root", "timestamp", "snapshot" or "targets" (for delegated roles too).
func shape(role string, data []byte) error {
	doc, err := object(data)
	if err == nil {
		err = checkShape(role, doc)
	}
	if err != nil {
		return &malformed{role, err}
	}
	return nil
}

// malformed is a document that shape refused.
type malformed struct {
	role string
	err  error
}

func (m *malformed) Error() string { return "malformed " + m.role + " metadata: " + m.err.Error() }
func (m *malformed) Unwrap() error { return m.err }

type dict = map[string]any

func checkShape(role string, doc dict) error {
	signed, ok := doc["signed"].(dict)
	if !ok {
		return errors.New("no object signed")
	}
	if _, ok := doc["signatures"].([]any); !ok {
		return errors.New("no list signatures")
	}
	if err := oneSpelling(doc, signed); err != nil {
		return err
	}
	if signed["_type"] != role {
		return fmt.Errorf("its type is %v", signed["_type"])
	}
	if v, _ := signed["spec_version"].(string); !strings.HasPrefix(v, "1.") {
		return fmt.Errorf("spec_version is %v, want 1.x", signed["spec_version"])
	}
	if err := positive(signed, "version"); err != nil {
		return err
	}
	if err := noNull("signed", signed, role == "targets"); err != nil {
		return err
	}
	if err := noNull("signatures", doc["signatures"], false); err != nil {
		return err
	}
	switch role {
	case "root":
		return rootShape(signed)
	case "timestamp":
		return metaShape(signed, "snapshot.json")
	case "snapshot":
		return metaShape(signed, "targets.json")
	}
	return targetsShape(signed)
}

// object decodes one JSON object, keeping numbers as text and refusing a key
// that occurs twice: the library would take the last one, or mix both.
func object(data []byte) (dict, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := value(d, 0)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(data[d.InputOffset():])) > 0 {
		return nil, errors.New("more than one JSON value")
	}
	doc, ok := v.(dict)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	return doc, nil
}

// maxDepth is far more than any metadata needs.
const maxDepth = 64

func value(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		out := dict{}
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			key := k.(string) // the decoder lets no other key pass
			if _, twice := out[key]; twice {
				return nil, fmt.Errorf("key %q occurs twice", key)
			}
			if out[key], err = value(d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return out, err
	case json.Delim('['):
		out := []any{}
		for d.More() {
			v, err := value(d, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		_, err = d.Token()
		return out, err
	}
	return t, nil
}

// oneSpelling refuses keys that the library's decoder, which ignores case,
// would take for the same field.
func oneSpelling(objects ...dict) error {
	for _, o := range objects {
		seen := map[string]bool{}
		for k := range o {
			low := strings.ToLower(k)
			if seen[low] {
				return fmt.Errorf("key %q occurs in two spellings", low)
			}
			seen[low] = true
		}
	}
	return nil
}

// noNull refuses null anywhere below v, except below a target's custom object.
func noNull(at string, v any, targets bool) error {
	switch v := v.(type) {
	case nil:
		return errors.New(at + " is null")
	case dict:
		for k, e := range v {
			if targets && k == "custom" && strings.HasPrefix(at, "signed.targets.") && e != nil {
				continue
			}
			if err := noNull(at+"."+k, e, targets); err != nil {
				return err
			}
		}
	case []any:
		for i, e := range v {
			if err := noNull(fmt.Sprintf("%s[%d]", at, i), e, targets); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxVersion keeps versions within what every JSON implementation counts exactly.
const maxVersion = 1<<53 - 1

func positive(o dict, key string) error {
	n, ok := o[key].(json.Number)
	if !ok {
		return fmt.Errorf("no number %s", key)
	}
	if v, err := n.Int64(); err != nil || v < 1 || v > maxVersion {
		return fmt.Errorf("%s is %s", key, n)
	}
	return nil
}

func rootShape(signed dict) error {
	if _, ok := signed["consistent_snapshot"].(bool); !ok && signed["consistent_snapshot"] != nil {
		return errors.New("consistent_snapshot is neither true nor false")
	}
	roles, ok := signed["roles"].(dict)
	if !ok {
		return errors.New("no object roles")
	}
	for _, name := range []string{"root", "timestamp", "snapshot", "targets"} {
		if _, ok := roles[name].(dict); !ok {
			return errors.New("no role " + name)
		}
	}
	return keysShape(signed)
}

func keysShape(o dict) error {
	keys, ok := o["keys"].(dict)
	if !ok {
		return errors.New("no object keys")
	}
	for id, k := range keys {
		key, ok := k.(dict)
		if !ok {
			return fmt.Errorf("key %q is no object", id)
		}
		val, ok := key["keyval"].(dict)
		if !ok {
			return fmt.Errorf("key %q has no keyval", id)
		}
		if err := oneSpelling(key, val); err != nil {
			return err
		}
		public, isText := val["public"].(string)
		kind, hasKind := key["keytype"].(string)
		if !isText || !hasKind {
			return fmt.Errorf("key %q has no type or no public part", id)
		}
		if kind == "ed25519" {
			if raw, err := hex.DecodeString(public); err != nil || len(raw) != 32 {
				return fmt.Errorf("key %q is no Ed25519 key of 32 bytes", id)
			}
		}
	}
	return nil
}

func metaShape(signed dict, want string) error {
	meta, ok := signed["meta"].(dict)
	if !ok {
		return errors.New("no object meta")
	}
	if _, ok := meta[want]; !ok {
		return errors.New("meta does not name " + want)
	}
	for name, v := range meta {
		file, ok := v.(dict)
		if !ok {
			return fmt.Errorf("meta of %q is no object", name)
		}
		if err := oneSpelling(file); err != nil {
			return err
		}
		if err := positive(file, "version"); err != nil {
			return fmt.Errorf("meta of %q: %w", name, err)
		}
		if err := sized(file, false); err != nil {
			return fmt.Errorf("meta of %q: %w", name, err)
		}
	}
	return nil
}

func targetsShape(signed dict) error {
	targets, ok := signed["targets"].(dict)
	if !ok {
		return errors.New("no object targets")
	}
	for name, v := range targets {
		file, ok := v.(dict)
		if !ok {
			return fmt.Errorf("target %q is no object", name)
		}
		if err := oneSpelling(file); err != nil {
			return err
		}
		if err := sized(file, true); err != nil {
			return fmt.Errorf("target %q: %w", name, err)
		}
	}
	d, ok := signed["delegations"]
	if !ok {
		return nil
	}
	delegations, ok := d.(dict)
	if !ok {
		return errors.New("delegations is no object")
	}
	return keysShape(delegations)
}

// sized checks length and hashes of a file entry.
func sized(file dict, needed bool) error {
	if l, ok := file["length"]; ok {
		n, isNumber := l.(json.Number)
		if !isNumber {
			return errors.New("length is no number")
		}
		if v, err := n.Int64(); err != nil || v < 0 {
			return fmt.Errorf("length is %s", n)
		}
	} else if needed {
		return errors.New("no length")
	}
	h, ok := file["hashes"]
	if !ok {
		if needed {
			return errors.New("no hashes")
		}
		return nil
	}
	hashes, ok := h.(dict)
	if !ok || needed && len(hashes) == 0 {
		return errors.New("no hashes")
	}
	for name, v := range hashes {
		text, isText := v.(string)
		raw, err := hex.DecodeString(text)
		if !isText || err != nil || name == "sha256" && len(raw) != 32 || name == "sha512" && len(raw) != 64 {
			return fmt.Errorf("%s is no such hash", name)
		}
	}
	return nil
}
