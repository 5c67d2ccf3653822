package tuf

import (
	"errors"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// What a refused repository did wrong, for [errors.Is].
var (
	ErrExpired   = errors.New("its metadata has expired")
	ErrRollback  = errors.New("it is older than what was seen before")
	ErrUntrusted = errors.New("it is not signed as it should be")
)

// explained is an error of the library with one of the meanings above.
type explained struct{ meaning, err error }

func (e explained) Error() string   { return e.meaning.Error() + ": " + e.err.Error() }
func (e explained) Unwrap() []error { return []error{e.meaning, e.err} }

// explain says which attack or mistake it is that a document was refused for.
func explain(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*metadata.ErrExpiredMetadata](err); ok {
		return explained{ErrExpired, err}
	}
	if _, ok := errors.AsType[*metadata.ErrBadVersionNumber](err); ok {
		return explained{ErrRollback, err}
	}
	return explained{ErrUntrusted, err}
}
