package main

type installCmd struct {
	Config string `help:"Configuration file." default:"/etc/tilld/tilld.yaml" placeholder:"FILE"`
}

// Run registers the agent with the system's service manager.
func (c *installCmd) Run() error { return installService(c.Config) }

type uninstallCmd struct{}

// Run removes the service; configuration and data stay.
func (c *uninstallCmd) Run() error { return uninstallService() }
