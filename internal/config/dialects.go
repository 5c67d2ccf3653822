package config

import (
	"net"
	"strconv"
)

// checkDialects checks other vendors' local APIs: on this machine only, with a
// printer, and no two on one port.
func (r *reader) checkDialects(c *Config) {
	d := c.Dialects
	r.origins("dialects.qz.allowed_origins", d.QZ.AllowedOrigins)
	r.origins("dialects.epos.allowed_origins", d.EPOS.AllowedOrigins)
	r.origins("dialects.hwproxy.allowed_origins", d.HWProxy.AllowedOrigins)
	taken := map[string]string{c.HTTP.Listen: "http.listen"}
	port := func(key, listen string) {
		r.loopback(key, listen)
		if other := taken[listen]; other != "" && !anyPort(listen) {
			r.problem(key, [2]string{"与 %[2]s 使用同一端口 %[1]s", "%s is the port of %s too"}, [2]string{"请改用其他端口", "write another port"}, listen, other)
		}
		taken[listen] = key
	}
	on := map[string]bool{}
	if on["qz"] = d.QZ.Enabled; d.QZ.Enabled {
		for _, l := range d.QZ.Listen {
			port("dialects.qz.listen", l)
		}
		for _, l := range d.QZ.TLSListen {
			port("dialects.qz.tls_listen", l)
		}
		if len(d.QZ.Listen)+len(d.QZ.TLSListen) == 0 {
			r.problem("dialects.qz.listen", [2]string{"没有监听地址", "there is no address to listen on"}, [2]string{"例如 [\"127.0.0.1:8182\"]", "write for example [\"127.0.0.1:8182\"]"})
		}
	}
	if on["epos"] = d.EPOS.Enabled; d.EPOS.Enabled {
		port("dialects.epos.listen", d.EPOS.Listen)
	}
	if on["hwproxy"] = d.HWProxy.Enabled; d.HWProxy.Enabled {
		port("dialects.hwproxy.listen", d.HWProxy.Listen)
	}
	if on["raw9100"] = d.Raw9100.Enabled; d.Raw9100.Enabled {
		r.rawPorts(c, port)
	}
	printers := 0
	for _, dev := range c.Devices {
		if dev.Kind == "printer" {
			printers++
		}
	}
	for _, name := range []string{"qz", "epos", "hwproxy", "raw9100"} {
		if on[name] && printers == 0 {
			r.problem("dialects."+name+".enabled", [2]string{"没有配置打印机，此接口无用", "has no use without a printer under devices"},
				[2]string{"写上打印机，或写 false", "add a printer, or write false"})
		}
	}
}

// rawPorts checks the ports of raw9100: one for each printer, from listen on.
func (r *reader) rawPorts(c *Config, port func(key, listen string)) {
	const key = "dialects.raw9100.listen"
	host, text, err := net.SplitHostPort(c.Dialects.Raw9100.Listen)
	first, convErr := strconv.Atoi(text)
	if err != nil || convErr != nil {
		port(key, c.Dialects.Raw9100.Listen) // which says what is wrong
		return
	}
	n := 0
	for _, dev := range c.Devices {
		if dev.Kind != "printer" {
			continue
		}
		listen := net.JoinHostPort(host, strconv.Itoa(first+n))
		if first == 0 {
			listen = c.Dialects.Raw9100.Listen
		}
		port(key, listen)
		n++
	}
}

// anyPort reports whether a listener takes whatever port is free.
func anyPort(listen string) bool {
	_, port, err := net.SplitHostPort(listen)
	return err == nil && port == "0"
}
