package queue

import (
	"tilld/internal/health"
	"tilld/internal/lang"
)

func both(zh, en string) lang.Text { return lang.Text{ZH: zh, EN: en} }

// The conditions of the store. The subject of each is "queue".
var (
	kindTrouble = health.Kind{
		Code: "queue_disk_error", Severity: health.Error,
		Text:   both("写入磁盘失败：{error}", "Writing to the disk failed: {error}"),
		Remedy: both("检查磁盘。收银数据仍在日志中；不要断电，联系技术支持。", "Check the disk. What was accepted is in the journal; do not switch off, call support."),
	}
	kindFull = health.Kind{
		Code: "queue_full", Severity: health.Error,
		Text:   both("存储空间不足：已用 {used}，上限 {limit}。新交易已停止。", "Storage is full: {used} used of {limit}. New sales are refused."),
		Remedy: both("恢复与云端的连接，或清理磁盘空间。", "Bring the link to the cloud back, or free disk space."),
	}
	kindDisk = health.Kind{
		Code: "queue_disk_full", Severity: health.Error,
		Text:   both("磁盘已满。未完成的交易可以完成，新交易已停止。", "The disk is full. The open sale can be finished, new sales are refused."),
		Remedy: both("清理磁盘空间，或恢复与云端的连接。", "Free disk space, or bring the link to the cloud back."),
	}
	kindDamaged = health.Kind{
		Code: "queue_rebuilt", Severity: health.Warning,
		Text:   both("数据文件损坏，已修复：{reason}", "The data file was damaged and has been repaired: {reason}"),
		Remedy: both("检查磁盘健康状况。损坏的文件保存在 {file}。", "Check the disk's health. The damaged file is kept as {file}."),
	}
	kindLost = health.Kind{
		Code: "queue_lost", Severity: health.Error,
		Text:   both("部分数据无法恢复：{lost}", "Some data could not be brought back: {lost}"),
		Remedy: both("运行 tilld verify，并与云端核对交易。", "Run tilld verify and compare the sales with the cloud."),
	}
	kindDead = health.Kind{
		Code: "queue_dead", Severity: health.Error,
		Text:   both("{count} 条记录无法发送，已另存。", "{count} records could not be sent and were set aside."),
		Remedy: both("用 tillctl queue 导出并联系技术支持。", "Export them with tillctl queue and call support."),
	}
	kindWithheld = health.Kind{
		Code: "mall_withheld", Severity: health.Error,
		Text:   both("商场数据积压已满：自 {since} 起有 {count} 条记录未再为商场备份。", "The mall's backlog is full: {count} records since {since} are counted, not copied for the mall."),
		Remedy: both("销售照常进行，本店数据完整。恢复与商场的连接；这段时间的数据用 tillctl journal export 交给商场。", "Selling goes on and the brand's own data is whole. Bring the link to the mall back, and hand over this time's sales with tillctl journal export."),
	}
	kindSnapshot = health.Kind{
		Code: "queue_snapshot", Severity: health.Warning,
		Text:   both("快照失败：{error}", "No snapshot could be taken: {error}"),
		Remedy: both("检查磁盘空间。", "Check the disk space."),
	}
)
