import { stringify } from 'yaml';

export interface GatewayTemplate {
  readonly siteId: string;
  readonly siteName: string;
  readonly gatewayId: string;
}

const text = (value: string): string => stringify(value).trimEnd();

/**
 * A working kanmen.yaml with every key that an installer touches, explained in place. What is commented out shows how it
 * is written; everything has a default but `site`.
 */
export function gatewayTemplate({ siteId, siteName, gatewayId }: GatewayTemplate): string {
  return `# Kanmen gateway 看门网关配置
# Times and sizes carry units: 30s, 5m, 2h, 7d, 500MB, 2GB. Unknown keys are errors. Paths are relative to this file.
# 时间与大小须带单位；未知的键视为错误；路径相对于本文件。
# After a change:  kanmen check -c kanmen.yaml   改动后先检查

# The compound. The id stands in every MQTT topic: community/<id>/charger/… 小区
site:
  id: ${text(siteId)}
  name: ${text(siteName)}

gateway:
  id: ${text(gatewayId)}

dataDir: data

# Who is responsible for what ground 网格
grids:
  - { id: grid-1, name: 第一网格, people: [] }

# Where devices and cameras stand 区域
areas:
  - { id: gate-east, name: 东门, grid: grid-1 }
  - { id: shed-1, name: 1号充电棚, grid: grid-1 }

# Gate cameras 摄像头. The password may stand in the URL: it is never logged and never shown in a process list.
# "direction" is the way a car drives that comes TOWARDS the camera: in or out.
# cameras:
#   - { id: east-in, name: 东门进口, url: "rtsp://user:password@192.168.1.64/Streaming/Channels/101", area: gate-east, direction: in }
cameras: []

# Charging piles and fire sensors speak MQTT. Let one in with:
#   kanmen devices add charger/10597059 --area shed-1
# 充电桩与烟感通过 MQTT 接入，每台设备单独发放账号。
mqtt:
  listen: 0.0.0.0:1883
  tls:
    listen: 0.0.0.0:8883
    certFile: keys/server.pem
    keyFile: keys/server.key

# Pictures and clips are sealed with this key. Keep a copy elsewhere (kanmen backup holds it): nothing opens them without it.
# 图片与视频片段用此密钥加密保存，请另存一份。
evidence:
  keyFile: keys/evidence.key

# Dashboard and API 管理页面
api:
  listen: 0.0.0.0:8080
#  publicUrl: https://gate.example   # as recipients reach it, for links to pictures and clips 接收方打开图片链接的地址

# How alerts leave the compound 预警送达方式. The station holds the same secret: init made keys/station.secret for it.
# Put the station's address in; until then alerts wait here for a desk on this machine (kanmen init --desk).
# 请填入派出所值班台的地址；在此之前，预警先存在本机。
channels:
  station-desk:
    kind: webhook
    url: http://127.0.0.1:8090/notices/${gatewayId}
    feedbackUrl: http://127.0.0.1:8090/feedback/${gatewayId}
    secretFile: keys/station.secret

# Who is told 接收人. station and department get reports 报告单, community and grid get notifications 告知单.
# kanmen check proves that every rule reaches somebody at every hour of the week; somebody who is off duty needs a stand-in.
recipients:
  - { id: police-station, name: 派出所, role: station, channel: station-desk }
#  - { id: property, name: 物业, role: community, channel: station-desk, duty: office-hours, standIns: [guard] }
#  - { id: guard, name: 门岗, role: community, channel: station-desk }

# What may be seen of a picture 图片与片段: faces are blurred and clips are not sent, unless a legal basis stands here 法律依据
#    evidence: { inlineUpTo: 300kB, linkFor: 7d, legalBasis: "…第…条" }

# Hours of duty 值班表
# duty:
#   - { id: office-hours, shifts: [{ days: [mon, tue, wed, thu, fri], from: "08:00", to: "18:00" }], off: ["2026-10-01"] }

# Known vehicles, a CSV with the columns plate,category,unit,until 登记车辆
# register:
#   vehiclesFile: vehicles.csv

# Deadlines of the four tiers 四色时限 (these are the defaults)
tiers:
  red: { deliverWithin: 1m, acknowledgeWithin: 5m, outcomeWithin: 24h }
  orange: { deliverWithin: 24h, acknowledgeWithin: 4h, outcomeWithin: 72h }
  yellow: { deliverWithin: 48h, acknowledgeWithin: 24h, outcomeWithin: 7d }
  blue: { deliverWithin: 48h, acknowledgeWithin: none, outcomeWithin: none }

# A site's own figures for a rule of the pack 规则参数
# rules:
#   settings:
#     charging-over-temperature: { params: { warnC: 55 } }

log:
  level: info
`;
}

/** A working desk.yaml. */
export function deskTemplate(title: string): string {
  return `# Kanmen desk 值班台配置
# Unknown keys are errors. Paths are relative to this file. 未知的键视为错误；路径相对于本文件。
title: ${text(title)}
dataDir: data

# Gateways and browsers reach the desk here 监听地址
listen: 0.0.0.0:8090

# Let a gateway in by a code: kanmen desk invite <id> --name <compound> -c desk.yaml, and kanmen pair at the gateway.
# 用配对码接入网关：在此执行 kanmen desk invite，在网关上执行 kanmen pair。
# Or by hand, one entry for each compound. Both ends hold the same secret (whsec_…):
#   cp station.secret keys/dongyuan.secret     (init at the gateway made it)
# 每个小区网关一条，两端使用同一密钥。
# gateways:
#   - { id: <gateway.id in its kanmen.yaml>, name: 东苑小区, secretFile: keys/dongyuan.secret }
gateways: []

log:
  level: info
`;
}
