package strict

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
)

// shape is what a Go type lets into JSON; nil lets anything in.
type shape struct {
	fields map[string]*field // of a struct
	names  []string          // of its required fields
	inner  *shape            // of a list's or a map's values
	open   bool              // a map: any name
}

type field struct {
	shape    *shape
	required bool
}

func (s *shape) elem() *shape {
	if s == nil {
		return nil
	}
	return s.inner
}

func (s *shape) required() int {
	if s == nil {
		return 0
	}
	return len(s.names)
}

// field is the shape below a name; false when there is no such field.
func (s *shape) field(name string) (inner *shape, required, ok bool) {
	switch {
	case s == nil:
		return nil, false, true
	case s.open:
		return s.inner, false, true
	}
	f := s.fields[name]
	if f == nil {
		return nil, false, false
	}
	return f.shape, f.required, true
}

var (
	shapes sync.Map // reflect.Type -> *shape

	ownJSON = reflect.TypeFor[json.Unmarshaler]()
	ownText = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// shapeOf is the shape of the values that t takes.
func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := build(t, map[reflect.Type]*shape{})
	shapes.Store(t, s)
	return s
}

// build makes the shape of t; under has those under way, for types that contain
// themselves.
func build(t reflect.Type, under map[reflect.Type]*shape) *shape {
	for t.Kind() == reflect.Pointer {
		if t.Implements(ownJSON) || t.Implements(ownText) {
			return nil
		}
		t = t.Elem()
	}
	if p := reflect.PointerTo(t); p.Implements(ownJSON) || p.Implements(ownText) {
		return nil
	}
	if s, ok := under[t]; ok {
		return s
	}
	s := &shape{}
	under[t] = s
	switch t.Kind() {
	case reflect.Struct:
		s.fields = make(map[string]*field)
		s.add(t, under)
	case reflect.Map:
		s.open, s.inner = true, build(t.Elem(), under)
	case reflect.Slice, reflect.Array:
		s.inner = build(t.Elem(), under)
	case reflect.Interface:
		under[t] = nil
		return nil
	}
	return s
}

// add enters a struct's fields, and those of structs that it embeds.
func (s *shape) add(t reflect.Type, under map[reflect.Type]*shape) {
	for f := range t.Fields() {
		tag, tagged := f.Tag.Lookup("json")
		name, _, _ := strings.Cut(tag, ",")
		if f.Anonymous && name == "" {
			e := f.Type
			if e.Kind() == reflect.Pointer {
				e = e.Elem()
			}
			if e.Kind() == reflect.Struct {
				s.add(e, under)
				continue
			}
		}
		if !f.IsExported() || tagged && tag == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if s.fields[name] != nil {
			continue // the outer one wins
		}
		required := f.Tag.Get("strict") == "required"
		s.fields[name] = &field{build(f.Type, under), required}
		if required {
			s.names = append(s.names, name)
		}
	}
}
