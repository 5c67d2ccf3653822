package main

import (
	"context"
	"errors"
)

type (
	demoCmd    struct{}
	devicesCmd struct{}
	cloudCmd   struct{}
	fleetCmd   struct{}
)

func (demoCmd) Run(context.Context) error    { return errors.New("not yet") }
func (devicesCmd) Run(context.Context) error { return errors.New("not yet") }
func (cloudCmd) Run(context.Context) error   { return errors.New("not yet") }
func (fleetCmd) Run(context.Context) error   { return errors.New("not yet") }
