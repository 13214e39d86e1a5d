//! The life of an order as a picture, drawn from the rules themselves: [`OrderStatus::next`] and [`OrderStatus::by_lines`].

use std::fmt::Write as _;
use std::sync::LazyLock;

use super::order::OrderStatus;

/// The picture (SVG), in light and dark, with words for those who do not see it.
pub static PICTURE: LazyLock<String> = LazyLock::new(draw);

/// Colours are those of the reader's system, whatever the page around it has; so the ground is the picture's own.
const STYLE: &str = "text { font: 14px system-ui, sans-serif; fill: #1b1f24; text-anchor: middle }
    .note { font-size: 12px; fill: #57606a }
    .legend { text-anchor: start }
    rect { fill: #f6f8fa; stroke: #57606a; stroke-width: 1.5 }
    .ground { fill: #ffffff; stroke: none }
    .end { stroke-width: 3 }
    path { fill: none; stroke: #0550ae; stroke-width: 1.5; marker-end: url(#whole) }
    .lines { stroke: #8250df; stroke-dasharray: 5 4; marker-end: url(#part) }
    marker path { stroke: none; fill: #0550ae; marker-end: none }
    #part path { fill: #8250df }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .note { fill: #9198a1 }
      rect { fill: #161b22; stroke: #9198a1 }
      .ground { fill: #0d1117 }
      path { stroke: #79c0ff }
      .lines { stroke: #d2a8ff }
      marker path { fill: #79c0ff }
      #part path { fill: #d2a8ff }
    }";

/// The size of a box.
const WIDTH: i32 = 150;
const HEIGHT: i32 = 48;

/// The upper left corner of a status' box.
const fn corner(status: OrderStatus) -> (i32, i32) {
    match status {
        OrderStatus::Received => (20, 90),
        OrderStatus::Confirmed => (250, 90),
        OrderStatus::Shipped => (480, 90),
        OrderStatus::Delivered => (710, 90),
        OrderStatus::Cancelled => (250, 240),
    }
}

/// What a status says, in a few words.
const fn meaning(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Received => "stored, not answered",
        OrderStatus::Confirmed => "some of it will come",
        OrderStatus::Shipped => "all confirmed has left",
        OrderStatus::Delivered => "all of that arrived",
        OrderStatus::Cancelled => "nothing will come",
    }
}

fn draw() -> String {
    let (mut arrows, mut boxes, mut words) = (String::new(), String::new(), String::new());
    for from in OrderStatus::ALL {
        let ways = [
            (from.next(), "", "said of the whole order"),
            (from.by_lines(), " class=\"lines\"", "by its lines and shipments"),
        ];
        for (to, class, how) in
            ways.into_iter().flat_map(|(all, class, how)| all.iter().map(move |to| (*to, class, how)))
        {
            let _ = writeln!(arrows, "  <path{class} d=\"{}\"/>", arrow(from, to, !class.is_empty()));
            let _ = write!(words, " From {from} to {to}, {how}.");
        }
        let is_end = from.next().is_empty() && from.by_lines().is_empty();
        let (x, y) = corner(from);
        let (middle, class) = (x + WIDTH / 2, if is_end { " class=\"end\"" } else { "" });
        let _ = writeln!(
            boxes,
            "  <rect{class} x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\"/>
  <text x=\"{middle}\" y=\"{}\">{from}</text>
  <text class=\"note\" x=\"{middle}\" y=\"{}\">{}</text>",
            y + 21,
            y + 38,
            meaning(from),
        );
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 880 330\" role=\"img\" aria-labelledby=\"title desc\">
  <title id=\"title\">The life of an order</title>
  <desc id=\"desc\">Every order begins as {}.{words}</desc>
  <style>
    {STYLE}
  </style>
  <defs>
    <marker id=\"whole\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\"/></marker>
    <marker id=\"part\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\"/></marker>
  </defs>
  <rect class=\"ground\" width=\"880\" height=\"330\"/>
{arrows}{boxes}  <path d=\"M480 280h40\"/>
  <text class=\"note legend\" x=\"530\" y=\"284\">the whole order is moved, or its lines say the same</text>
  <path class=\"lines\" d=\"M480 304h40\"/>
  <text class=\"note legend\" x=\"530\" y=\"308\">it follows from answers to lines and from shipments</text>
</svg>
",
        OrderStatus::Received,
    )
}

/// The way of an arrow between two boxes. What follows from lines is bent: back above the row, forward below it.
fn arrow(from: OrderStatus, to: OrderStatus, is_bent: bool) -> String {
    let ((x, y), (to_x, to_y)) = (corner(from), corner(to));
    let (middle, to_middle) = (x + WIDTH / 2, to_x + WIDTH / 2);
    if is_bent {
        let goes_back = to_x < x;
        let (side, bend) = if goes_back { (0, -1) } else { (HEIGHT, 1) };
        // Apart from the arrows that are straight.
        let (begin, end) = if goes_back { (middle - 20, to_middle + 20) } else { (middle + 40, to_middle) };
        let height = y + side + bend * ((begin - end).abs() / 7 + 30);
        return format!("M{begin} {}C{begin} {height} {end} {height} {end} {}", y + side, to_y + side);
    }
    if y == to_y {
        return format!("M{} {}H{to_x}", x + WIDTH, y + HEIGHT / 2);
    }
    if x == to_x {
        return format!("M{middle} {}V{to_y}", y + HEIGHT);
    }
    format!("M{middle} {}V{}H{to_x}", y + HEIGHT, to_y + HEIGHT / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_shows_and_tells_each_status_and_each_change_once() {
        let changes = OrderStatus::ALL.iter().map(|from| from.next().len() + from.by_lines().len()).sum::<usize>();
        assert_eq!(PICTURE.matches("<path").count(), changes + 4, "and two in the legend, two heads of arrows");
        assert_eq!(PICTURE.matches(" From ").count(), changes);
        for from in OrderStatus::ALL {
            assert_eq!(PICTURE.matches(&format!(">{from}<")).count(), 1);
            for to in from.next().iter().chain(from.by_lines()) {
                assert!(PICTURE.contains(&format!("From {from} to {to}, ")), "{from} {to}");
            }
        }
        let ends = PICTURE.matches("class=\"end\"").count();
        assert_eq!(ends, 1, "what is cancelled stays so");
    }
}
