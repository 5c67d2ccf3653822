package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

func (r *reader) checkDevices(c *Config, known Known) {
	names := map[string]int{}
	for i, d := range c.Devices {
		at := fmt.Sprintf("devices[%d]", i)
		if !idPattern.MatchString(d.Name) {
			r.problem(at+".name", [2]string{"缺少名称或名称无效", "is missing or no name"}, [2]string{"例如 scanner-1（字母、数字、_、-）", "write for example scanner-1 (letters, digits, _ and -)"})
		} else if first, dup := names[d.Name]; dup {
			r.problem(at+".name", [2]string{"名称 %q 已被 devices[%d] 使用", "%q is the name of devices[%d] already"}, [2]string{"每个设备一个名称", "give each device its own name"}, d.Name, first)
		} else {
			names[d.Name] = i
		}
		r.checkDriver(at, d, known)
		r.checkAddress(at, d)
	}
}

func (r *reader) checkDriver(at string, d Device, known Known) {
	if known.Drivers == nil {
		return
	}
	kinds := slices.Sorted(maps.Keys(known.Drivers))
	drivers, ok := known.Drivers[d.Kind]
	if !ok {
		list := strings.Join(kinds, ", ")
		r.problem(at+".kind", [2]string{"没有 %q 这类设备", "%q is no kind of device"}, [2]string{"可选：" + list, "write one of " + list}, d.Kind)
		return
	}
	if !slices.Contains(drivers, d.Driver) {
		list := strings.Join(drivers, ", ")
		r.problem(at+".driver", [2]string{"没有 %q 这个驱动", "there is no driver %q"}, [2]string{"可选：" + list, "write one of " + list}, d.Driver)
		return
	}
	if known.Options != nil && len(d.Options) > 0 {
		if err := known.Options(d); err != nil {
			r.problem(at+".options", [2]string{"%v", "%v"}, [2]string{"参见设备说明", "see the device's description"}, err)
		}
	}
}

func (r *reader) checkAddress(at string, d Device) {
	if d.Address == "" {
		if d.Driver != "screen" {
			r.problem(at+".address", [2]string{"缺少地址", "is missing"}, [2]string{"例如 serial:///dev/ttyACM0?baud=9600 或 tcp://192.168.1.87:9100", "write for example serial:///dev/ttyACM0?baud=9600 or tcp://192.168.1.87:9100"})
		}
		return
	}
	u, err := url.Parse(d.Address)
	if err != nil || !slices.Contains(schemes, u.Scheme) || u.Host == "" && u.Path == "" {
		r.problem(at+".address", [2]string{"%q 不是设备地址", "%q is no device address"},
			[2]string{"以 " + strings.Join(schemes, "://、") + ":// 开头", "begin with one of " + strings.Join(schemes, "://, ") + "://"}, d.Address)
		return
	}
	if u.Scheme == "tcp" && u.Port() == "" {
		r.problem(at+".address", [2]string{"缺少端口", "has no port"}, [2]string{"例如 tcp://192.168.1.87:9100", "write for example tcp://192.168.1.87:9100"})
	}
	if b := u.Query().Get("backend"); u.Scheme == "serial" && b != "" && b != "bugst" && b != "tarm" {
		r.problem(at+".address", [2]string{"没有 %q 这个串口后端", "there is no serial backend %q"}, [2]string{"backend=bugst 或 backend=tarm", "write backend=bugst or backend=tarm"}, b)
	}
}
