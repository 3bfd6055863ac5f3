//! Six hundred events, for checks whose steps must not grow with the square of the number of events.

/// Defines the event enums `Part0` to `Part5` of 100 events each. Their stored names are equally long and differ late, so that
/// the comparison of two takes many steps.
#[doc(hidden)]
#[macro_export]
macro_rules! six_hundred_events {
    () => {
        $crate::six_hundred_events!(Part0 = "company.department.of-a-long-name.part0");
        $crate::six_hundred_events!(Part1 = "company.department.of-a-long-name.part1");
        $crate::six_hundred_events!(Part2 = "company.department.of-a-long-name.part2");
        $crate::six_hundred_events!(Part3 = "company.department.of-a-long-name.part3");
        $crate::six_hundred_events!(Part4 = "company.department.of-a-long-name.part4");
        $crate::six_hundred_events!(Part5 = "company.department.of-a-long-name.part5");
    };
    ($ident:ident = $prefix:literal) => {
        $crate::six_hundred_events! {
            $ident = $prefix:
                Happened00 Happened01 Happened02 Happened03 Happened04 Happened05 Happened06 Happened07 Happened08 Happened09
                Happened10 Happened11 Happened12 Happened13 Happened14 Happened15 Happened16 Happened17 Happened18 Happened19
                Happened20 Happened21 Happened22 Happened23 Happened24 Happened25 Happened26 Happened27 Happened28 Happened29
                Happened30 Happened31 Happened32 Happened33 Happened34 Happened35 Happened36 Happened37 Happened38 Happened39
                Happened40 Happened41 Happened42 Happened43 Happened44 Happened45 Happened46 Happened47 Happened48 Happened49
                Happened50 Happened51 Happened52 Happened53 Happened54 Happened55 Happened56 Happened57 Happened58 Happened59
                Happened60 Happened61 Happened62 Happened63 Happened64 Happened65 Happened66 Happened67 Happened68 Happened69
                Happened70 Happened71 Happened72 Happened73 Happened74 Happened75 Happened76 Happened77 Happened78 Happened79
                Happened80 Happened81 Happened82 Happened83 Happened84 Happened85 Happened86 Happened87 Happened88 Happened89
                Happened90 Happened91 Happened92 Happened93 Happened94 Happened95 Happened96 Happened97 Happened98 Happened99
        }
    };
    ($ident:ident = $prefix:literal: $($event:ident)*) => {
        #[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
        #[event(prefix = $prefix)]
        enum $ident {
            $($event,)*
        }
    };
}
