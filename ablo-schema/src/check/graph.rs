//! Finds cycles of a graph in linear time and without recursion, because schemas are untrusted
//! input.

/// Returns disjoint cycles, each as node indices in edge order; removing them breaks every cycle of
/// the graph.
///
/// Nodes that reach no cycle are removed first. Every remaining node has a remaining successor, so
/// following successors must end in a cycle.
pub(super) fn cycles(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut predecessors = vec![Vec::new(); edges.len()];
    let mut degree = vec![0; edges.len()];
    for (node, targets) in edges.iter().enumerate() {
        degree[node] = targets.len();
        targets.iter().for_each(|target| predecessors[*target].push(node));
    }
    let mut left = vec![true; edges.len()];
    let mut peel: Vec<usize> = (0..edges.len()).filter(|node| degree[*node] == 0).collect();
    let mut found = Vec::new();
    let mut step = vec![usize::MAX; edges.len()];
    for start in 0..edges.len() {
        remove(&mut peel, &mut left, &mut degree, &predecessors);
        if !left[start] {
            continue;
        }
        let cycle = walk(start, edges, &left, &mut step);
        peel.extend(&cycle);
        found.push(cycle);
    }
    found
}

fn remove(
    peel: &mut Vec<usize>,
    left: &mut [bool],
    degree: &mut [usize],
    predecessors: &[Vec<usize>],
) {
    while let Some(node) = peel.pop() {
        if !std::mem::take(&mut left[node]) {
            continue;
        }
        for before in &predecessors[node] {
            degree[*before] -= 1;
            if degree[*before] == 0 && left[*before] {
                peel.push(*before);
            }
        }
    }
}

fn walk(start: usize, edges: &[Vec<usize>], left: &[bool], step: &mut [usize]) -> Vec<usize> {
    let mut path = vec![];
    let mut node = start;
    while step[node] == usize::MAX {
        step[node] = path.len();
        path.push(node);
        match edges[node].iter().find(|target| left[**target]) {
            Some(target) => node = *target,
            None => break,
        }
    }
    let cycle = path[step[node]..].to_vec();
    path.iter().for_each(|node| step[*node] = usize::MAX);
    cycle
}

#[cfg(test)]
mod tests {
    use super::cycles;

    #[test]
    fn long_chain_has_no_cycle() {
        let edges: Vec<Vec<usize>> =
            (0..100_000).map(|node| if node == 0 { vec![] } else { vec![node - 1] }).collect();
        assert!(cycles(&edges).is_empty());
    }

    #[test]
    fn cycles_are_disjoint_and_in_edge_order() {
        assert_eq!(cycles(&[vec![0]]), [[0]]);
        assert_eq!(
            cycles(&[vec![1], vec![2], vec![0], vec![0, 4], vec![3]]),
            [vec![0, 1, 2], vec![3, 4]]
        );
        assert_eq!(cycles(&[vec![1], vec![2, 0], vec![]]), [[0, 1]]);
    }
}
