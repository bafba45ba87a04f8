"""Recorded exchanges that are sent but not compared, by name, with the reason."""

REASONS: dict[str, str] = {
    "signing up, mails, links, providers, factors and settings: supasync asks for none of them": """
        U04 U05 U07 U08 U09 U10 U11 U13 U14 U15 U16 U17 U17f U18 U37 U39 U41 U42 U43 U44 U45 U46 U47 U48 U49
        K32 K33 K34 K37 D18 D19 D20 X20 X35 F02 F03 F04 F05 F25 F26 O01a O01 O02 O03 O04 O05 O06 O07 O08 O09
        O10 O11 O12 O13 O14 O15 M31 M32 W01 W03 W09 T74 L41""",
    "shows, or counts, what such a request did": """
        U03 U12 U17g U38g U43g L01 L02 L03 L04 L05 L06 L12 L15 L16 L17 L18 L20 L23 L24 K02 K03 K04 K09
        K14 K17 D01 F34 T75 T76 F27 M09 S32a S51b O08p O09p O10p O11p W05 F23e""",
    "needs a token of a session that was recorded without it": "U02 V03 V04 V05 V12 W11 T72 T73",
    "needs rows that were copied by a statement that is recorded in part": "S57 F23a F23b F23c F23d M08 Y04",
    "a token whose cut is not recorded": "K12",
}

LEFT_OUT = {name: reason for reason, names in REASONS.items() for name in names.split()}
