"""A Chinese consultancy in Shanghai: every word that people chose is Chinese, and so are the sites they work on."""

from __future__ import annotations

from typing import Final

from keepstep.demo.cast import Board, Cast, Contact, Customer, Day, Project, Staff, Task

STAFF: Final = Staff(sales="王磊", lead="李娜", developer="张伟", designer="陈静", gone="赵强")

CUSTOMERS: Final = (
    Customer(
        "mueller",
        "华东精密机械有限公司",
        "Manufacturing",
        (
            Contact("敏", "周", "信息部主任", "zhou.min@huadong.example", "+86 21 5550 0101"),
            Contact("伟", "张", "总经理", "zhangwei@huadong.example"),
        ),
        website="https://huadong.example",
        note="上午十点以前打电话比较方便。🕙",
    ),
    Customer(
        "nordwind",
        "远航物流股份有限公司",
        "Technology",
        (Contact("海涛", "孙", "运营总监", "sun@yuanhang.example"), Contact(None, "前台", None, None)),
        folder="远航物流股份有限公司 ",
        website="yuanhang.example",
    ),
    Customer(
        "brightwater",
        "清源数据科技",
        "Technology",
        (Contact("思远", "吴", "技术总监", "wu@qingyuan.example"),),
        folder=None,
    ),
    Customer(
        "hanse",
        "申城保险（集团）",
        "Financial Services",
        (Contact("丽", "郑", "数字化负责人", "zhengli@shencheng.example"), Contact("伟", "张", "采购", None)),
        folder="申城保险（集团）",
    ),
    Customer("optik", "明视眼镜", "Manufacturing", (Contact("晓明", "钱", "店主", None),), folder=None),
    Customer("stadtwerke", "临江水务", "Technology", folder=None),
    Customer("papyrus", "青松出版社", "Education", (Contact("雨", "林", "编辑", "linyu@qingsong.example"),)),
    Customer("papyrus2", "青松出版社", "Education", folder=None, note="是不是重复了？请王磊核对。"),
    Customer("alpen", "云山酒店", "Technology", folder=None),
    Customer("kestrel", "蓝鹰航空维修", "Manufacturing", (Contact("浩", "何", "项目办", None),)),
)

BOARD_TASKS: Final = (
    Task(
        "保单号登录",
        "doing",
        "客户用**保单号**和生日登录。\n\n- 五次失败后锁定\n- 短信重置",
        card=True,
        comments=("请注意无障碍 🙏",),
    ),
    Task("上传理赔照片", "todo", "最多十张，每张不超过 8 MB。📷", card=True, on_card="最多五张。📷"),
    Task("手机报案", "done", "夏天已经完成。", card=True, on_card=""),
    Task(
        "理赔进度显示",
        "todo",
        "红黄绿灯，见 <https://shencheng.example/deng>。",
        subtasks=("设计灯号", "与业务部门确认文字"),
        card=True,
    ),
)

PROJECTS: Final = (
    Project(
        "routes",
        "nordwind",
        "远航物流：路线规划",
        "won",
        45,
        160,
        840000.0,
        (
            Task("路线规划启动会", "done", "议程：目标、角色、日程。", comments=("开得不错！👍",)),
            Task("导入车辆数据", "doing", "车场给的 CSV,*分号*分隔。", subtasks=("检查编码",)),
            Task("实时位置地图", "todo", "使用本市的地图服务。"),
        ),
        epic="",
        folder=True,
        documents=(
            ("plan", "项目计划 第三版"),
            ("requirements", "需求说明书"),
            ("requirements", "需求说明书"),
            ("design", "地图草图"),
        ),
        text="一百四十辆车的路线规划。",
        tags=("重点",),
    ),
    Project(
        "portal",
        "hanse",
        "申城保险：客户门户",
        "won",
        60,
        200,
        1295000.5,
        (Task("客户门户启动会", "done"), *BOARD_TASKS),
        epic="",
        folder=True,
        documents=(("plan", "路线图"), ("requirements", "用户故事"), ("test", "测试方案")),
        text="面向投保人的门户：理赔、文件、消息。",
    ),
    Project(
        "erp",
        "mueller",
        "华东精密：ERP 上线",
        "won",
        20,
        120,
        560000.0,
        (
            Task("ERP 启动会", "done"),
            Task("迁移零件清单", "doing", "四万个零件，三分之一没有重量。", comments=("钥匙在谁那里？",)),
            Task("调度员培训", "todo"),
        ),
        epic="华东精密：erp 上线",
        folder=True,
        documents=(("plan", "计划"), ("report", "十月报告")),
    ),
    Project("churn", "brightwater", "清源数据：流失模型", "won", -30, 210, 310000.0, (Task("流失模型启动会", "done"),)),
    Project("shop", "optik", "明视眼镜：网上商城", "offer", 12, 40, 185000.0, text="带镜片配置的商城。"),
    Project("meters", "stadtwerke", "临江水务：智能水表", "lead", 90, 15, None, text="第一次谈得很好。"),
    Project("archive", "papyrus", "青松出版社：数字档案", "won", -240, 340, 220000.0, epic="", due=-235),
    Project("reader", "papyrus", "青松出版社：电子书", "lost", -60, 180, 470000.0),
    Project("twin", "kestrel", "蓝鹰航空：维修门户", "won", -10, 90, 990000.0, epic="", due=14, led=False),
    Project("twin2", "kestrel", "蓝鹰航空：维修门户", "lead", 120, 9, 120000.0),
    Project("audit", "brightwater", "清源数据：数据审计", "offer", 25, 30, 80000.0),
)

BOARD: Final = Board(
    "申城保险客户门户",
    "portal",
    ("待办", "进行中", "已完成"),
    "旧想法",
    (("核对标志颜色", "todo"), ("翻译常见问题", "doing")),
    (("紧急", "red"), ("法务", "purple"), ("", "sky")),
    (("读屏测试", True), ("对比度检查", False)),
    ("周五之前能看到吗？", "👀"),
)

SECOND_BOARD: Final = Board(
    "远航运营",
    "routes",
    ("待办", "进行中", "已完成"),
    "旧",
    (("南车场：平板电脑", "todo"), ("南车场：平板电脑", "done")),
    (("硬件", "orange"),),
    (),
    (),
)

CAST: Final = Cast(
    language="zh-CN",
    zone="Asia/Shanghai",
    currency="CNY",
    staff=STAFF,
    customers=CUSTOMERS,
    projects=PROJECTS,
    board=BOARD,
    second_board=SECOND_BOARD,
    categories={
        "plan": "项目计划",
        "requirements": "需求文档",
        "design": "设计文档",
        "test": "测试文档",
        "report": "项目报告",
    },
    day=Day(
        order="明视眼镜：维护合同",
        document="上线清单",
        stray="二期需求文档",
        note_title="订单号显示不全",
        note_text="周主任说送货单上的订单号被截断了，请尽快看一下。",
        client="周敏",
        loose_card="数据保护：删除期限",
    ),
    internal=("内部：培训预算",),
    bulk=("松", "柏", "桐", "梅", "兰", "竹", "菊", "荷", "枫", "杏", "柳", "桂"),
)
