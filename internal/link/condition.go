package link

import (
	"tilld/internal/health"
	"tilld/internal/lang"
)

func kind(code string, s health.Severity, zh, en, zhRemedy, enRemedy string) health.Kind {
	return health.Kind{Code: code, Severity: s, Text: lang.Text{ZH: zh, EN: en}, Remedy: lang.Text{ZH: zhRemedy, EN: enRemedy}}
}

// Why there is no link. At most one of them is up at a time.
var (
	condDown = kind("link_down", health.Warning,
		"与云端的连接中断：{error}", "No link to the cloud: {error}",
		"销售照常进行，数据保存在本机，恢复后自动上传。请检查网络、路由器和 cloud.url。",
		"Selling goes on and everything is kept here until the link is back. Check network, router and cloud.url.")
	condName = kind("link_name", health.Warning,
		"找不到云端地址：{error}", "The broker's name cannot be resolved: {error}",
		"请检查 DNS 设置和 cloud.url 中的主机名。", "Check DNS and the host name in cloud.url.")
	condConfig = kind("link_config", health.Error,
		"云端连接设置有误：{error}", "A setting of the cloud link is wrong: {error}",
		"请改正配置中的 cloud 部分；下次重试时会重新读取证书和密码文件。",
		"Correct the cloud section of the configuration; certificates and the password are read again at the next try.")
	condRefused = kind("link_refused", health.Error,
		"云端拒绝登录：{error}", "The broker refuses the till: {error}",
		"请检查 cloud.username、cloud.password_file、cloud.client_id，以及云端是否已登记本收银台。",
		"Check cloud.username, cloud.password_file and cloud.client_id, and whether the cloud knows this till.")
	condSubscribe = kind("link_subscribe_refused", health.Error,
		"云端拒绝订阅：{error}", "The broker refuses a subscription: {error}",
		"请让云端管理员为本收银台开放 ack、response、command 主题的读取权限。",
		"The cloud's administrator has to grant this till read access to its topics ack, response and command.")
	condPacket = kind("link_packet_too_large", health.Error,
		"云端发来过大的数据包，连接已断开：{error}", "The broker sent a packet that is too large; the connection was dropped: {error}",
		"请联系云端管理员：单条消息不得超过 256 KiB。", "Tell the cloud's administrator: no message may exceed 256 KiB.")
	condTLS = kind("tls_failed", health.Error,
		"无法建立加密连接：{error}", "No secure connection to the broker: {error}",
		"请检查云端的 TLS 设置（1.2 或更新）。", "Check the broker's TLS settings (1.2 or newer).")
	condTLSWrongCA = kind("tls_wrong_ca", health.Error,
		"云端证书不是由受信任的机构签发：{error}", "The broker's certificate was not issued by the trusted authority: {error}",
		"可能连到了假冒的服务器。请核对 cloud.ca_file；在确认之前不要更换它。",
		"This may be an impostor. Compare cloud.ca_file with the chain's own; do not replace it before you are sure.")
	condTLSExpired = kind("tls_expired", health.Error,
		"云端证书已过期或尚未生效：{error}", "The broker's certificate has expired or is not valid yet: {error}",
		"请先检查本机日期和时间，再请云端管理员更新证书。",
		"Check this machine's date and time first; then the cloud's administrator has to renew the certificate.")
	condTLSWrongHost = kind("tls_wrong_host", health.Error,
		"云端证书属于另一台主机：{error}", "The broker's certificate is for another host: {error}",
		"请检查 cloud.url 中的主机名。", "Check the host name in cloud.url.")
	condTLSRefusedClient = kind("tls_refused_client", health.Error,
		"云端不接受本收银台的证书：{error}", "The broker does not accept this till's certificate: {error}",
		"请检查 cloud.cert_file 和 cloud.key_file 是否为本店证书、是否过期或已吊销。",
		"Check that cloud.cert_file and cloud.key_file are this chain's, not expired and not revoked.")
	condTLSNotSpoken = kind("tls_not_spoken", health.Error,
		"该端口不支持加密连接，或拒绝握手：{error}", "That port does not speak TLS, or ends the handshake: {error}",
		"请检查 cloud.url：mqtts:// 通常为 8883 端口，mqtt:// 为 1883 端口。",
		"Check cloud.url: mqtts:// is usually port 8883, mqtt:// port 1883.")
)

// downKinds are the conditions above.
var downKinds = []health.Kind{
	condDown, condName, condConfig, condRefused, condSubscribe, condPacket, condTLS, condTLSWrongCA,
	condTLSExpired, condTLSWrongHost, condTLSRefusedClient, condTLSNotSpoken,
}

// What can be wrong while there is a link.
var (
	condTakeover = kind("link_takeover", health.Error,
		"连接一再被云端断开（{count} 次）：可能有另一台收银机使用相同的编号 {id}", "The broker keeps ending our session ({count} times): most likely another till uses the same client id {id}",
		"请确认没有两台机器使用相同的 till.merchant/store/till 或 cloud.client_id，并检查是否有被复制的硬盘。否则请检查本收银台的主题写入权限：有些服务器拒绝写入时会直接断开。",
		"Make sure that no two machines have the same till.merchant, store, till or cloud.client_id, and look for a copied disk. If there is none, check this till's rights to publish: some brokers hang up on what they deny.")
	condNoAck = kind("link_no_ack", health.Warning,
		"消息服务器收下了数据，但云端已 {minutes} 分钟没有确认", "The broker takes our events, but the cloud has not acknowledged any for {minutes} minutes",
		"数据保存在本机。请检查 cloud.topic_root、主题权限以及云端服务是否运行。",
		"Everything is kept here. Check cloud.topic_root, access rights on topics, and that the cloud's service runs.")
	condSilent = kind("cloud_silent", health.Warning,
		"云端没有回答最近的 {count} 次询问：{types}", "The cloud has not answered the last {count} questions: {types}",
		"现金销售和本机价格本不受影响；扫码付款、会员、优惠券要等云端回答。请检查云端服务，以及 request、response 主题的权限。",
		"Cash and the local price book go on; pay codes, members and coupons wait for the cloud. Check that its service runs and answers, and the access rights on the topics request and response.")
	condAckRefused = kind("link_ack_refused", health.Error,
		"云端发来错误的确认，已拒绝：{error}", "The cloud sent a wrong acknowledgement, which was refused: {error}",
		"没有数据被删除。请联系云端管理员。", "Nothing was deleted. Tell the cloud's administrator.")
	condBehind = kind("link_cloud_behind", health.Error,
		"云端数据倒退：它只有到 {through} 号的事件，而此前已确认到 {acked} 号", "The cloud was set back: it has events up to {through}, but had acknowledged {acked}",
		"请联系云端管理员。已确认的事件仍保留在本机（queue.keep_acked），可按人工指令重新发送。",
		"Tell the cloud's administrator. Acknowledged events are still here for queue.keep_acked and can be sent again on a person's order.")
	condNewEpoch = kind("link_restored_copy", health.Error,
		"本机数据目录是旧副本：云端已有到 {through} 号的事件，本机只有 {last} 号。已启用新的编号序列", "This data directory is an old copy: the cloud has events up to {through}, this till only {last}. A new epoch was begun",
		"如果恢复了备份或复制了硬盘，请核对这段时间的销售。若还有另一台机器在用原硬盘，请立即停用其中一台。",
		"If a backup was restored or a disk copied, compare the sales of that time. If another machine runs from the original disk, stop one of them now.")
	condForked = kind("link_forked_copy", health.Error,
		"本机数据目录是旧副本，恢复后又有销售：云端到 {through} 号为止的事件与本机不同。已启用新的编号序列", "This data directory is an old copy that has sold since: up to event {through} the cloud has others than this till. A new epoch was begun",
		"如果恢复了备份或复制了硬盘，请核对这段时间的销售。若还有另一台机器在用原硬盘，请立即停用其中一台。",
		"If a backup was restored or a disk copied, compare the sales of that time. If another machine runs from the original disk, stop one of them now.")
	condWeaker = kind("link_ack_broker", health.Info,
		"cloud.ack 设为 broker：消息服务器收下即视为送达，服务器故障时可能丢失数据", "cloud.ack is broker: an event counts as delivered once the broker has it, and is lost if the broker loses it",
		"如需端到端确认，请将 cloud.ack 设为 cloud。", "Set cloud.ack to cloud for end-to-end acknowledgement.")
	condTrust = kind("link_no_keys", health.Error,
		"没有可用的云端公钥：{error}", "No usable public key of the cloud: {error}",
		"云端的消息一律不予执行。请把云端公钥放到 cloud.trust_file。", "Nothing the cloud sends is acted on. Put the cloud's public keys into cloud.trust_file.")
	condMessages = kind("link_messages_refused", health.Warning,
		"已拒绝 {count} 条云端消息，最近一条：{error}", "{count} messages from the cloud were refused, the last because: {error}",
		"如果持续出现，请联系云端管理员；也可能有人在冒充云端。", "If this goes on, tell the cloud's administrator; somebody may also be posing as the cloud.")
	condClock = kind("clock_off", health.Warning,
		"本机时钟与云端相差 {seconds} 秒", "This till's clock is {seconds} s off the cloud's",
		"请检查系统时间和时间同步（NTP）。", "Check the system time and its synchronisation (NTP).")
)
