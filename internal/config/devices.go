package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
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
		r.checkAddress(at, d, known)
		r.checkBackup(at, d, c.Devices)
	}
}

// checkBackup looks at the printer that stands in for another.
func (r *reader) checkBackup(at string, d Device, all []Device) {
	other := slices.IndexFunc(all, func(o Device) bool { return o.Name == d.Backup })
	switch {
	case d.Backup == "" && d.BackupAfter != 0:
		r.problem(at+".backup_after", [2]string{"没有 backup，不起作用", "has no effect without backup"}, [2]string{"写上 backup，或删除这一行", "set backup too, or remove this line"})
	case d.Backup == "":
	case d.Kind != "printer":
		r.problem(at+".backup", [2]string{"只有打印机可以有备用机", "only a printer has a backup"}, [2]string{"删除这一行", "remove this line"})
	case other < 0 || all[other].Kind != "printer" || d.Backup == d.Name:
		r.problem(at+".backup", [2]string{"没有另一台名为 %q 的打印机", "there is no other printer %q"}, [2]string{"写另一台打印机的名称", "write the name of another printer"}, d.Backup)
	case all[other].Backup != "":
		r.problem(at+".backup", [2]string{"备用机 %q 自己还有备用机", "%q has a backup itself"}, [2]string{"备用机不能再有备用机", "a backup printer has none of its own"}, d.Backup)
	}
	if d.BackupAfter != 0 && (d.BackupAfter.Std() < 10*time.Second || d.BackupAfter.Std() > 24*time.Hour) {
		r.problem(at+".backup_after", [2]string{"超出范围", "is out of range"}, [2]string{"10s 到 24h", "write 10s to 24h"})
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

func (r *reader) checkAddress(at string, d Device, known Known) {
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
	if u.Scheme == "sim" {
		r.warn(at+".address", [2]string{"是模拟设备的地址，tilld 中没有模拟设备，该设备将一直不可用", "is of a simulated device, and tilld has none: this device stays out of service"},
			[2]string{"写真实设备的地址；模拟设备用 tillsim", "write the address of real hardware; tillsim has simulated devices"})
	}
	b := u.Query().Get("backend")
	switch {
	case u.Scheme == "tcp" && u.Port() == "":
		r.problem(at+".address", [2]string{"缺少端口", "has no port"}, [2]string{"例如 tcp://192.168.1.87:9100", "write for example tcp://192.168.1.87:9100"})
	case u.Scheme == "serial" && b != "" && b != "bugst" && b != "tarm":
		r.problem(at+".address", [2]string{"没有 %q 这个串口后端", "there is no serial backend %q"}, [2]string{"backend=bugst 或 backend=tarm", "write backend=bugst or backend=tarm"}, b)
	case known.Address != nil:
		if err := known.Address(d); err != nil {
			r.problem(at+".address", [2]string{"%v", "%v"}, [2]string{"参见地址说明（docs/devices/ports.md）", "see docs/devices/ports.md"}, err)
		}
	}
}
