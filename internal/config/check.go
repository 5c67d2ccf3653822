package config

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tilld/internal/lang"
)

var (
	idPattern     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)
	topicPattern  = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)
	windowPattern = regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$`)
	colorPattern  = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	moneyPattern  = regexp.MustCompile(`^[A-Z]{3}$`)
)

// schemes are the address schemes of devices.
var schemes = []string{"serial", "tcp", "usblp", "evdev", "hidraw", "v4l2", "fb", "file", "sim"}

// problem notes one about a key, with the line it was set on or the environment
// variable that set it.
func (r *reader) problem(key string, what, instead [2]string, args ...any) {
	p := r.at(key)
	for _, said := range r.problems {
		if said.Key == key || said.Key == p.Key {
			return // said already, while reading
		}
	}
	p.What, p.Instead = text(what[0], what[1], args...), lang.Text{ZH: instead[0], EN: instead[1]}
	r.problems = append(r.problems, p)
}

// at is a problem without words, at the place where key was set.
func (r *reader) at(key string) Problem {
	if name := r.from[key]; name != "" {
		return Problem{File: "environment", Key: name}
	}
	line := r.lines[key]
	for parent := key; line == 0 && parent != ""; {
		parent = parent[:max(0, strings.LastIndexAny(parent, ".["))]
		line = r.lines[parent]
	}
	if line == 0 && r.file != "" {
		line = 1 // what is nowhere in the file is missing from its beginning
	}
	return Problem{File: r.file, Line: line, Key: key}
}

// check looks at what the types cannot say.
func (r *reader) check(c *Config, known Known) {
	for _, id := range []struct{ key, value string }{
		{"till.merchant", c.Till.Merchant}, {"till.store", c.Till.Store}, {"till.till", c.Till.Till},
	} {
		switch {
		case id.value == "":
			r.problem(id.key, [2]string{"缺少必填项", "is missing"}, [2]string{`写上编号，例如 "03"（字母、数字、_、-，1 到 32 个）`, `write this till's id, for example "03" (letters, digits, _ and -, 1 to 32 of them)`})
		case !idPattern.MatchString(id.value):
			r.problem(id.key, [2]string{"%q 不是有效编号", "%q is no id"}, [2]string{"只用字母、数字、_、-，1 到 32 个", "use letters, digits, _ and -, 1 to 32 of them"}, id.value)
		}
	}
	if !moneyPattern.MatchString(c.Till.Currency) {
		r.problem("till.currency", [2]string{"%q 不是货币代码", "%q is no currency code"}, [2]string{"写 ISO 4217 代码，例如 CNY", "write an ISO 4217 code such as CNY"}, c.Till.Currency)
	}
	if _, err := time.LoadLocation(c.Till.Timezone); err != nil || c.Till.Timezone == "" {
		r.problem("till.timezone", [2]string{"没有 %q 这个时区", "there is no time zone %q"}, [2]string{"例如 Asia/Shanghai", "write for example Asia/Shanghai"}, c.Till.Timezone)
	}
	r.oneOf("till.language", c.Till.Language, "zh-CN", "en")
	r.oneOf("cloud.ack", c.Cloud.Ack, "cloud", "broker")
	r.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	r.checkHTTP(c)
	r.checkDialects(c)
	r.checkCloud(c)
	r.checkMall(c, known)
	r.checkQueue(c)
	r.checkReceipt(c, known)
	r.checkScreen(c)
	if c.Payment.QRTTL.Std() < 10*time.Second || c.Payment.QRTTL.Std() > 24*time.Hour {
		r.problem("payment.qr_ttl", [2]string{"超出范围", "is out of range"}, [2]string{"10s 到 24h", "write 10s to 24h"})
	}
	if d := c.Payment.RequestTimeout.Std(); d < 500*time.Millisecond || d > 2*time.Minute {
		r.problem("payment.request_timeout", [2]string{"超出范围", "is out of range"}, [2]string{"500ms 到 2m", "write 500ms to 2m"})
	}
	r.checkOffline(c, known)
	if !windowPattern.MatchString(c.Firmware.Window) {
		r.problem("firmware.window", [2]string{"%q 不是时间段", "%q is no time window"}, [2]string{`例如 "02:00-05:00"`, `write for example "02:00-05:00"`}, c.Firmware.Window)
	} else if from, to, _ := strings.Cut(c.Firmware.Window, "-"); from == to {
		r.warn("firmware.window", [2]string{"开始与结束相同，永远不会更新", "begins when it ends: nothing is ever updated in it"}, [2]string{`全天写 "00:00-23:59"`, `write "00:00-23:59" for the whole day`})
	}
	if c.DataDir == "" {
		r.problem("data_dir", [2]string{"不能为空", "must not be empty"}, [2]string{"例如 /var/lib/tilld", "write for example /var/lib/tilld"})
	}
	r.checkDevices(c, known)
	if known.Codes != nil && len(c.Codes) > 0 {
		if err := known.Codes(c.Codes); err != nil {
			r.problem("codes", [2]string{"%v", "%v"}, [2]string{"参见配置说明", "see the configuration's description"}, err)
		}
	}
}

func (r *reader) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		list := strings.Join(allowed, ", ")
		r.problem(key, [2]string{"没有 %q 这个选项", "%q is not a choice"}, [2]string{"可选：" + list, "write one of " + list}, value)
	}
}

func (r *reader) checkHTTP(c *Config) {
	r.loopback("http.listen", c.HTTP.Listen)
	r.origins("http.allowed_origins", c.HTTP.AllowedOrigins)
	if c.Cashier.PINFile != "" && !c.Cashier.Enabled {
		r.problem("cashier.pin_file", [2]string{"收银页面未启用，此项无效", "has no effect while the cashier page is off"},
			[2]string{"写 cashier.enabled: true，或删除此项", "set cashier.enabled to true, or leave this out"})
	}
	if lan := c.HTTP.LAN; lan.Listen != "" && (lan.TLSCert == "" || lan.TLSKey == "" || lan.PINFile == "") {
		r.problem("http.lan.listen", [2]string{"局域网页面必须用 TLS 和 PIN", "the page for the store's network needs TLS and a PIN"},
			[2]string{"写上 http.lan.tls_cert、http.lan.tls_key 和 http.lan.pin_file", "set http.lan.tls_cert, http.lan.tls_key and http.lan.pin_file"})
	} else if lan.Listen != "" {
		_, port, err := net.SplitHostPort(lan.Listen)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil {
			r.problem("http.lan.listen", [2]string{"%q 不是 地址:端口", "%q is not address:port"}, [2]string{"例如 :7443", "write for example :7443"}, lan.Listen)
		}
	}
}

// origins checks a list of web pages' origins.
func (r *reader) origins(key string, list []string) {
	for _, o := range list {
		if u, err := url.Parse(o); err != nil || u.Host == "" || u.Path != "" || o != strings.ToLower(o) {
			r.problem(key, [2]string{"%q 不是来源", "%q is no origin"}, [2]string{"例如 https://pos.example.com", "write for example https://pos.example.com"}, o)
		}
	}
}

// loopback checks that a listener is for this machine only.
func (r *reader) loopback(key, listen string) {
	host, port, err := net.SplitHostPort(listen)
	if err == nil && host != "localhost" {
		addr, perr := netip.ParseAddr(host)
		if perr == nil && !addr.IsLoopback() {
			instead := [2]string{"写 127.0.0.1:" + port, "write 127.0.0.1:" + port}
			if key == "http.listen" {
				instead = [2]string{instead[0] + "；给局域网看用 http.lan", instead[1] + ", and use http.lan for the store's network"}
			}
			r.problem(key, [2]string{"%q 不是本机地址", "%q is not an address of this machine alone"}, instead, listen)
			return
		}
		err = perr
	}
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		r.problem(key, [2]string{"%q 不是 地址:端口", "%q is not address:port"}, [2]string{"例如 127.0.0.1:7780", "write for example 127.0.0.1:7780"}, listen)
	}
}

func (r *reader) checkCloud(c *Config) {
	r.checkLink("cloud", c.Cloud.URL, c.Cloud.TopicRoot, c.Cloud.CertFile, c.Cloud.KeyFile, c.Cloud.Window)
}

// checkLink looks at what the sections cloud and mall have in common.
func (r *reader) checkLink(section, address, topicRoot, cert, key string, window int) {
	if address != "" {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "mqtt" && u.Scheme != "mqtts" {
			r.problem(section+".url", [2]string{"%q 不是 MQTT 地址", "%q is no MQTT address"}, [2]string{
				`例如 mqtts://mqtt.example.com:8883；没有` + map[string]string{"cloud": "云端", "mall": "商场"}[section] + `就写 ""`,
				`write for example mqtts://mqtt.example.com:8883, or "" for no ` + section,
			}, address)
		} else if u.User != nil {
			r.problem(section+".url", [2]string{"地址里不能写用户名和密码", "must not carry a name and password"},
				[2]string{"用 " + section + ".username 和 " + section + ".password_file", "use " + section + ".username and " + section + ".password_file"})
		}
	}
	if !topicPattern.MatchString(topicRoot) {
		r.problem(section+".topic_root", [2]string{"%q 不是主题前缀", "%q is no topic root"}, [2]string{"例如 tilld/v1", "write for example tilld/v1"}, topicRoot)
	}
	if window < 1 || window > 4096 {
		r.problem(section+".window", [2]string{"超出范围", "is out of range"}, [2]string{"1 到 4096，通常 512", "write 1 to 4096, usually 512"})
	}
	if (cert == "") != (key == "") {
		r.problem(section+".cert_file", [2]string{"证书和私钥必须成对", "certificate and key go together"},
			[2]string{section + ".cert_file 和 " + section + ".key_file 都写", "set both " + section + ".cert_file and " + section + ".key_file"})
	}
}

func (r *reader) checkMall(c *Config, known Known) {
	m := c.Mall
	r.checkLink("mall", m.URL, m.TopicRoot, m.CertFile, m.KeyFile, m.Window)
	r.oneOf("mall.ack", m.Ack, "cloud", "broker")
	for key, id := range map[string]string{"mall.merchant": m.Merchant, "mall.store": m.Store, "mall.till": m.Till} {
		if id != "" && !idPattern.MatchString(id) {
			r.problem(key, [2]string{"%q 不是有效编号", "%q is no id"}, [2]string{"只用字母、数字、_、-，1 到 32 个", "use letters, digits, _ and -, 1 to 32 of them"}, id)
		}
	}
	for key, list := range map[string][2][]string{"mall.events": {m.Events, known.Copyable}, "mall.redact": {m.Redact, known.Redactable}} {
		for _, name := range list[0] {
			if list[1] != nil {
				r.oneOf(key, name, list[1]...)
			}
		}
	}
	if m.URL != "" && len(m.Events) == 0 {
		r.problem("mall.events", [2]string{"不能为空", "is empty"}, [2]string{"例如 [sale.closed, sale.refunded, sale.voided, shift.closed]", "write for example [sale.closed, sale.refunded, sale.voided, shift.closed]"})
	}
	if m.URL != "" && m.MaxBytes > c.Queue.MaxBytes/2 || m.MaxBytes < 1<<20 {
		r.problem("mall.max_bytes", [2]string{"超出范围", "is out of range"}, [2]string{"1MiB 到 queue.max_bytes 的一半", "write 1MiB to half of queue.max_bytes"})
	}
	if m.URL != "" && m.URL == c.Cloud.URL && m.TopicRoot == c.Cloud.TopicRoot && m.Named(c.Till).Path() == c.Path() {
		r.problem("mall.url", [2]string{"与 cloud 是同一个服务器和同一组主题", "is the broker and the topics of cloud"}, [2]string{"换一个 mall.topic_root", "use another mall.topic_root"})
	}
}

func (r *reader) checkQueue(c *Config) {
	if c.Queue.MaxBytes < 1<<20 {
		r.problem("queue.max_bytes", [2]string{"太小", "is too small"}, [2]string{"至少 1MiB", "write 1MiB or more"})
	}
	if c.Queue.ReserveBytes > c.Queue.MaxBytes {
		r.problem("queue.reserve_bytes", [2]string{"不能大于 queue.max_bytes", "is more than queue.max_bytes"}, [2]string{"通常 64MiB", "usually 64MiB"})
	}
}

// hostPattern is a host name, or "*." and the name that hosts are below.
var hostPattern = regexp.MustCompile(`^(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)

func (r *reader) checkReceipt(c *Config, known Known) {
	for _, h := range c.Receipt.QRHosts {
		if !hostPattern.MatchString(h) {
			r.problem("receipt.qr_hosts", [2]string{"%q 不是域名", "%q is no host name"}, [2]string{"例如 club.example.cn 或 *.example.cn", "write for example club.example.cn or *.example.cn"}, h)
		}
	}
	for _, one := range []struct {
		key, name string
		check     func(string) error
	}{{"receipt.template", c.Receipt.Template, known.Template}, {"receipt.refund_template", c.Receipt.RefundTemplate, known.RefundTemplate}} {
		if one.check == nil {
			continue
		}
		if err := one.check(one.name); err != nil {
			r.problem(one.key, [2]string{"%v", "%v"}, [2]string{"写 default、classic 或模板文件的路径", "write default, classic or the path of a template file"}, err)
		}
	}
	if c.Receipt.Copies < 1 || c.Receipt.Copies > 3 {
		r.problem("receipt.copies", [2]string{"超出范围", "is out of range"}, [2]string{"1 到 3", "write 1 to 3"})
	}
	for _, q := range c.Receipt.QR {
		if q.URL == "" || len(q.URL) > 512 {
			r.problem("receipt.qr", [2]string{"缺少网址或网址太长", "a URL is missing or too long"}, [2]string{"网址 1 到 512 字节", "write a URL of 1 to 512 bytes"})
		}
	}
}

func (r *reader) checkScreen(c *Config) {
	r.oneOf("screen.theme", c.Screen.Theme, "auto", "light", "dark")
	r.oneOf("screen.text", c.Screen.Text, "normal", "large")
	if len([]rune(c.Screen.Brand.Name)) > 40 {
		r.problem("screen.brand.name", [2]string{"太长", "is too long"}, [2]string{"最多 40 个字", "write at most 40 characters"})
	}
	if color := c.Screen.Brand.Color; color != "" && !colorPattern.MatchString(color) {
		r.problem("screen.brand.color", [2]string{"%q 不是颜色", "%q is no colour"}, [2]string{`例如 "#17375e"（加引号）`, `write for example "#17375e", in quotes`}, color)
	}
	for _, app := range c.Screen.PayApps {
		r.oneOf("screen.pay_apps", app, "wechat", "alipay", "unionpay", "ecny")
	}
	for _, path := range []struct{ key, value string }{{"screen.brand.logo", c.Screen.Brand.Logo}, {"screen.playlist_dir", c.Screen.PlaylistDir}} {
		if path.value != "" && !filepath.IsAbs(path.value) {
			r.problem(path.key, [2]string{"%q 不是完整路径", "%q is no whole path"}, [2]string{"写上从根开始的路径", "write the path from the root on"}, path.value)
		}
	}
}
