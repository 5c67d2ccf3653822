package device

import (
	"strings"

	"tilld/internal/fault"
	"tilld/internal/lang"
)

// Advice is what store IT can do about a device that is out of service, in
// both languages. It travels inside the error's tree; [AdviceOf] finds it.
type Advice struct {
	Code string // stable: "group_dialout", "held_by", "unplugged"
	Text lang.Text
	Args []string // pairs for the placeholders of Text
}

// In returns the advice in language t; "" for the zero Advice.
func (a Advice) In(t lang.Tag) string { return a.Text.In(t, a.Args...) }

// With returns the advice with its placeholders filled; each value is one line.
func (a Advice) With(args ...string) Advice {
	a.Args = make([]string, len(args))
	for i, arg := range args {
		a.Args[i] = strings.ReplaceAll(arg, "\n", ": ") // errors.Join writes lines
	}
	return a
}

// Fault returns a fault that carries advice; its Hint is the English text.
func (a Advice) Fault(k fault.Kind, component, op string, cause error) *fault.Error {
	return &fault.Error{Kind: k, Component: component, Op: op, Hint: a.In(lang.EN), Err: &advised{a, cause}}
}

// AdviceOf returns the first advice in err's tree.
func AdviceOf(err error) (Advice, bool) {
	for err != nil {
		if a, ok := err.(*advised); ok {
			return a.advice, true
		}
		switch x := err.(type) {
		case interface{ Unwrap() error }:
			err = x.Unwrap()
		case interface{ Unwrap() []error }:
			for _, e := range x.Unwrap() {
				if a, ok := AdviceOf(e); ok {
					return a, true
				}
			}
			return Advice{}, false
		default:
			return Advice{}, false
		}
	}
	return Advice{}, false
}

type advised struct {
	advice Advice
	cause  error
}

func (a *advised) Error() string {
	if a.cause == nil {
		return a.advice.Code
	}
	return a.cause.Error()
}

func (a *advised) Unwrap() error { return a.cause }

// The advice that ports and slots give.
var (
	PlugIn = Advice{Code: "unplugged", Text: lang.Text{
		ZH: "请检查设备电源和数据线是否插好",
		EN: "check that the device is switched on and its cable is plugged in",
	}}
	CheckAddress = Advice{Code: "wrong_address", Text: lang.Text{
		ZH: "请检查配置中的 address：{why}",
		EN: "check address in the configuration: {why}",
	}}
	JoinGroup = Advice{Code: "group", Text: lang.Text{
		ZH: "tilld 的用户没有权限打开 {node}：请把它加入用户组 {group}（sudo usermod -aG {group} tilld）并重启 tilld",
		EN: "the user that runs tilld may not open {node}: add it to group {group} (sudo usermod -aG {group} tilld) and restart tilld",
	}}
	HeldBy = Advice{Code: "held_by", Text: lang.Text{
		ZH: "程序 {program}（进程 {pid}）正在使用该端口：请关闭它",
		EN: "program {program} (process {pid}) is using the port: close it",
	}}
	HeldByOther = Advice{Code: "held_by_other", Text: lang.Text{
		ZH: "另一个程序正在使用该端口：请关闭它",
		EN: "another program is using the port: close it",
	}}
	HeldByModemManager = Advice{Code: "modem_manager", Text: lang.Text{
		ZH: "ModemManager 占用了该端口：请安装随附的 udev 规则（ID_MM_DEVICE_IGNORE），或停用 ModemManager",
		EN: "ModemManager holds the port: install the udev rules that come with tilld (ID_MM_DEVICE_IGNORE), or disable ModemManager",
	}}
	HeldByBrltty = Advice{Code: "brltty", Text: lang.Text{
		ZH: "brltty（盲文终端驱动）占用了 CH340 串口：请卸载 brltty（sudo apt remove brltty）",
		EN: "brltty (a braille driver) holds the CH340 port: remove it (sudo apt remove brltty)",
	}}
	TakesNothing = Advice{Code: "takes_nothing", Text: lang.Text{
		ZH: "设备不再接收数据：请检查数据线和电源，或重新插拔",
		EN: "the device takes no data: check its cable and power, or unplug it and plug it in again",
	}}
	OtherDevice = Advice{Code: "other_device", Text: lang.Text{
		ZH: "这个端口上换了另一台设备（原来是 {old}，现在是 {new}）：确认无误后，在 address 末尾加上 id={new} 以批准它",
		EN: "another device is plugged in here (it was {old}, now it is {new}): if that is right, approve it by adding id={new} to the address",
	}}
	Several = Advice{Code: "several", Text: lang.Text{
		ZH: "插着多台 {id}：请改用序列号，或改用固定插口的地址：{choices}",
		EN: "several devices {id} are plugged in: add the serial number, or use the address of the socket: {choices}",
	}}
	Hangs = Advice{Code: "hangs", Text: lang.Text{
		ZH: "设备没有反应，正在重试：请重新插拔；如仍无效，请重启 tilld",
		EN: "the device hangs and is tried again: unplug it and plug it in; if that does not help, restart tilld",
	}}
	Report = Advice{Code: "driver_failed", Text: lang.Text{
		ZH: "驱动程序出错，正在重试：请把支持包发给厂家",
		EN: "the driver failed and is tried again: send the support bundle to the maker of tilld",
	}}
	NoSuchHere = Advice{Code: "not_here", Text: lang.Text{
		ZH: "本系统不支持：{why}",
		EN: "not on this system: {why}",
	}}
)
