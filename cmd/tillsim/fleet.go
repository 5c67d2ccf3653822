package main

import (
	"context"
	"errors"
)

type fleetCmd struct{}

func (fleetCmd) Run(context.Context) error { return errors.New("not yet") }
