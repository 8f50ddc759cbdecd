//! States that differ only in names and in what can no longer matter are one: numbers, the order of
//! participants, connections and rows, changes that every later write knows or has read, and which
//! commits can be repeated, because that changes nothing.

use super::facts::{Change, Shape, State, Status};

/// A state without names.
pub(super) type Canonical = Vec<u8>;

/// An order of programs, and an order of rows.
pub(super) type Order = (Vec<usize>, Vec<usize>);

/// Returns the orders that the rules cannot distinguish.
pub(super) fn orders(shape: Shape) -> Vec<Order> {
    let connections = permutations(shape.connections);
    let mut programs: Vec<Vec<usize>> = Vec::new();
    for participants in permutations(shape.participants) {
        let mut partial: Vec<Vec<usize>> = vec![Vec::new()];
        for participant in participants {
            let extend = |order: &Vec<usize>| {
                let order = order.clone();
                connections.iter().map(move |connections| {
                    let own = connections.iter().map(|at| participant * shape.connections + at);
                    order.iter().copied().chain(own).collect::<Vec<usize>>()
                })
            };
            partial = partial.iter().flat_map(extend).collect();
        }
        programs.extend(partial);
    }
    let rows = permutations(shape.rows);
    let with_rows = |order: Vec<usize>| rows.iter().map(move |rows| (order.clone(), rows.clone()));
    programs.into_iter().flat_map(with_rows).collect()
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for at in 0..count {
        let insert = |order: &Vec<usize>| {
            let order = order.clone();
            (0..=order.len()).map(move |place| {
                let mut longer = order.clone();
                longer.insert(place, at);
                longer
            })
        };
        all = all.iter().flat_map(insert).collect();
    }
    all
}

/// The part of a state that a program and a row have: unread changes per member, and a claim.
type Part = [u8; 5];

/// Returns the canonical form of a state, and the orders that give it: those in which the state
/// looks the same.
fn forms(shape: Shape, state: &State, orders: &[Order]) -> Option<(Canonical, Vec<usize>)> {
    let parts: Vec<Vec<Part>> = (0..state.programs.len())
        .map(|program| (0..shape.rows).map(|row| part(shape, state, program, row)).collect())
        .collect();
    let in_order = |(programs, rows): &Order| -> Canonical {
        let mut form = Canonical::with_capacity(programs.len() * (1 + rows.len() * 5));
        for program in programs {
            form.push(u8::from(state.programs[*program].connected));
            rows.iter().for_each(|row| form.extend(parts[*program][*row]));
        }
        form
    };
    let forms: Vec<Canonical> = orders.iter().map(in_order).collect();
    let least = forms.iter().min()?.clone();
    let same = (0..forms.len()).filter(|at| forms[*at] == least).collect();
    Some((least, same))
}

/// Returns the canonical form of a state.
pub(super) fn canonical(shape: Shape, state: &State, orders: &[Order]) -> Canonical {
    forms(shape, state, orders).map(|(form, _)| form).unwrap_or_default()
}

/// Returns programs and rows of which those with the same number can be exchanged: what one does
/// leads where the other does.
pub(super) fn classes(shape: Shape, state: &State, orders: &[Order]) -> Vec<Vec<usize>> {
    let mut classes = vec![vec![usize::MAX; shape.rows]; state.programs.len()];
    let Some((_, same)) = forms(shape, state, orders) else { return classes };
    for at in same {
        let (programs, rows) = &orders[at];
        for (i, program) in programs.iter().enumerate() {
            for (j, row) in rows.iter().enumerate() {
                let class = &mut classes[*program][*row];
                *class = (*class).min(i * shape.rows + j);
            }
        }
    }
    classes
}

fn part(shape: Shape, state: &State, program: usize, row: usize) -> Part {
    let known = &state.programs[program];
    let claim = known.claims[row].map(|id| state.claim(id));
    let open = claim.flatten().filter(|claim| claim.is_open());
    let unread = |member: usize| -> u8 {
        let changes = state.log.iter().filter(|change| {
            change.row == row && change.member == member && change.id > known.read_at
        });
        // Changes under the present claim are known as long as it is held.
        let of = |under| if open.is_some() && under == open { 1 } else { 2 };
        let instance = |under: Option<(usize, i64)>| {
            state.claims.iter().find(|claim| Some((claim.id, claim.declared)) == under)
        };
        changes.map(|change| of(instance(change.under))).max().unwrap_or(0)
    };
    let mut part = [unread(0), unread(1), u8::from(claim.is_some()), 0, 0];
    let Some(claim) = open else { return part };
    let ahead = state.claims.iter().take_while(|other| other.id != claim.id);
    let waiting = ahead.filter(|other| other.row == row && other.status == Status::Queued);
    part[2] = match claim.status {
        Status::Queued => u8::try_from(waiting.count()).unwrap_or(u8::MAX).saturating_add(3),
        _ => 2,
    };
    // Steps take a microsecond; leases differ by whole seconds.
    let seconds = (claim.expires - state.now + 500_000) / 1_000_000;
    part[3] = u8::try_from(seconds.max(0)).unwrap_or(u8::MAX);
    let since = |change: &&Change| change.row == row && change.at >= claim.declared;
    let wrote = |is_its: &dyn Fn(&Change) -> bool| state.log.iter().filter(since).any(is_its);
    let participant = |program: usize| program / shape.connections;
    part[4] = u8::from(wrote(&|change| change.under == Some((claim.id, claim.declared))))
        + 2 * u8::from(wrote(&|change| {
            change.under.is_none() && participant(change.program) == participant(program)
        }));
    part
}
