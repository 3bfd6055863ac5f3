//! Plots as SVG.

use std::{ops::Range, path::Path};

use plotters::prelude::*;

use crate::{
    Result,
    curves::{Curve, Line},
};

const SIZE: (u32, u32) = (800, 480);
const COLOURS: [RGBColor; 3] = [RGBColor(31, 119, 180), RGBColor(214, 109, 14), RGBColor(120, 120, 120)];

/// Draws a plot with logarithmic axes.
pub(crate) fn draw(file: &Path, curve: &Curve, lines: &[Line]) -> Result<()> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let (x, y) = (span(points().map(|point| point.x)), span(points().map(|point| point.y)));
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area);
    let chart = chart.caption(curve.name, ("sans-serif", 18)).margin(16);
    let chart = chart.x_label_area_size(40).y_label_area_size(64);
    let mut chart = chart.build_cartesian_2d(x.log_scale(), y.log_scale())?;
    chart.configure_mesh().x_desc(curve.x).y_desc(curve.y).draw()?;
    for (line, colour) in lines.iter().zip(COLOURS.into_iter().cycle()) {
        let points = || line.points.iter().map(|point| (point.x, point.y));
        let drawn = chart.draw_series(LineSeries::new(points(), colour.stroke_width(2)))?;
        drawn.label(line.name).legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour));
        chart.draw_series(points().map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    chart.configure_series_labels().background_style(WHITE).border_style(BLACK).draw()?;
    Ok(area.present()?)
}

/// The range of an axis: from a little below the minimum to a little above the maximum.
fn span(figures: impl Iterator<Item = f64>) -> Range<f64> {
    let (least, most) = figures
        .filter(|figure| figure.is_finite() && *figure > 0.0)
        .fold((f64::INFINITY, 0.0_f64), |(least, most), figure| (least.min(figure), most.max(figure)));
    if most == 0.0 { 1.0..10.0 } else { least / 1.5..most * 1.5 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curves::{CURVES, Point};

    #[test]
    fn a_plot_names_its_lines() {
        let file = tempfile::tempdir().unwrap();
        let file = file.path().join("plot.svg");
        let points = vec![Point::at(1, 100.0), Point::at(10, 900.0)];
        draw(&file, &CURVES[0], &[Line { name: "by hand", points }]).unwrap();
        let svg = std::fs::read_to_string(file).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("by hand") && svg.contains(CURVES[0].x), "{svg}");
    }

    #[test]
    fn empty_values_have_a_span() {
        assert_eq!(span([f64::NAN, 0.0].into_iter()), 1.0..10.0);
        assert_eq!(span([3.0].into_iter()), 2.0..4.5);
    }
}
